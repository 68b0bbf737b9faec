package main

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/browser"
	"github.com/refstream/refstream/packager"
)

var engines = []browser.Engine{browser.Chromium, browser.Firefox, browser.WebKit}

// watched is what was shown and checked since watch.
type watched struct {
	// Seconds is by the page's steady clock.
	Seconds float64
	// Presented are the pictures that the browser announced, counted beside the self-check.
	Presented             int
	Exact, Wrong, Unknown int
}

// watch begins to count.
func (b *page) watch() {
	b.t.Helper()
	eval[bool](b, `(() => {
		const video = document.querySelector('#video'), check = window.refstream.selfCheck;
		const from = {at: performance.now(), exact: check.exact, errors: check.errors, unknown: check.unknown};
		const times = new Set();
		const count = (_, {mediaTime}) => { times.add(mediaTime); video.requestVideoFrameCallback(count); };
		video.requestVideoFrameCallback(count);
		window.watched = () => ({seconds: (performance.now() - from.at) / 1000, presented: times.size,
			exact: check.exact - from.exact, wrong: check.errors - from.errors, unknown: check.unknown - from.unknown});
		return true;
	})()`)
}

func (b *page) watched() watched {
	b.t.Helper()
	return eval[watched](b, `window.watched()`)
}

// card is what the self-check's card shows.
type card struct{ Verdict, Text, Error, Colour string }

func (b *page) card() card {
	b.t.Helper()
	return eval[card](b, `(({dataset, querySelector}, part) => ({verdict: document.querySelector('#self-check').dataset.verdict,
		text: part('verdict').textContent, error: part('error').textContent, colour: getComputedStyle(part('error')).color}))(
		document.querySelector('#self-check'), (name) => document.querySelector('[data-check="' + name + '"]'))`)
}

// colour is one of the style sheet's colours as the browser writes it.
func (b *page) colour(variable string) string {
	b.t.Helper()
	return eval[string](b, `(() => {
		const e = document.body.appendChild(document.createElement('i'));
		e.style.color = 'var(`+variable+`)';
		const colour = getComputedStyle(e).color;
		e.remove();
		return colour;
	})()`)
}

func (b *page) awaitCard(want card) {
	b.t.Helper()
	var got card
	defer func() {
		if got != want {
			b.t.Logf("the card shows %+v, the check is %+v", got, b.check())
		}
	}()
	await(b.t, fmt.Sprintf("the card to show %+v", want), 90*time.Second, func() bool {
		got = b.card()
		return got == want
	})
}

// The number in the pixels, in the SEI and by the player's clock are the same in every engine, at rates as fast as the
// display and slower, with and without B-frames, also after seeks. Where the labels are one frame off every engine says
// so, and where one of them is missing none calls the rest exact. The short form has Chromium alone. In the long form the
// engines run side by side, each in one browser. It demands half of all pictures: no other test of this package runs beside
// it, and Firefox, which needs the most of a machine for that, runs first and alone.
func TestPageSelfCheck(t *testing.T) {
	if testing.Short() {
		t.Parallel()
	}
	type stream struct {
		*running
		fps, bframes, container string
		nanos                   int64   // of one frame
		seconds                 float64 // to watch
		// offset and bare are the stream with labels that are one frame off, and without frame records.
		offset, bare *moodyProxy
	}
	streams := []*stream{
		{fps: "30", bframes: "2", container: "ts", nanos: 33333333, seconds: 60},
		{fps: "59.94", bframes: "2", container: "fmp4", nanos: 16683333, seconds: 60},
		{fps: "30", bframes: "0", container: "fmp4", nanos: 33333333, seconds: 10},
		{fps: "59.94", bframes: "0", container: "ts", nanos: 16683333, seconds: 10},
	}
	tried := engines
	if testing.Short() {
		streams, tried = streams[:2], engines[:1]
		streams[0].seconds, streams[1].seconds = 5, 5
	}
	for _, st := range streams {
		st.running = start(t, smallStream(filepath.Join(t.TempDir(), "data"), "--fps", st.fps, "--bframes", st.bframes, "--container", st.container)...)
		st.offset, st.bare = newMoodyProxy(t, st.url), newMoodyProxy(t, st.url)
		st.offset.set(relabel(st.running, time.Duration(st.nanos)))
		st.bare.set(relabel(st.running, 0))
	}
	for _, engine := range tried {
		t.Run(string(engine), func(t *testing.T) {
			if testing.Short() || engine != browser.Firefox {
				t.Parallel()
			}
			b := openPage(t, engine, streams[0].url)
			for i, st := range streams {
				t.Logf("%s fps, B-frames %s, %s", st.fps, st.bframes, st.container)
				if i > 0 {
					b.open(st.url + "/")
				}
				b.selfCheck(st.seconds, st.fps)
				if i > 0 && testing.Short() {
					continue
				}
				b.open(st.offset.url + "/")
				b.awaitCard(card{"wrong", "Mismatch", "1", b.colour("--bad")})
				b.open(st.bare.url + "/")
				b.playing(30, 60*time.Second)
				b.awaitCard(card{"unknown", "Not known", "–", b.colour("--soft")})
				if c := b.check(); c.Exact != 0 || c.Errors != 0 {
					t.Errorf("without frame records: %+v", c)
				}
			}
		})
	}
}

// selfCheck watches a true stream for so many seconds, and then seeks in it.
func (b *page) selfCheck(seconds float64, fps string) {
	b.t.Helper()
	b.playing(10, 60*time.Second)
	b.watch()
	var w watched
	half := false
	defer func() { b.t.Logf("%+v", w) }()
	// Where the machine keeps Firefox from its updates, fewer pictures are known for a while.
	await(b.t, "the page to play, with half of its pictures exact", time.Duration(seconds*3)*time.Second+60*time.Second, func() bool {
		w = b.watched()
		if w.Wrong > 0 {
			b.t.Fatalf("a true stream is called wrong: %+v", b.check())
		}
		half = w.Exact > 0 && w.Exact*2 >= w.Presented
		// The short form runs beside other tests. Where a machine does not let half of 60 pictures a second be known in four times
		// the time, it takes some.
		return w.Seconds >= seconds && half || testing.Short() && w.Seconds >= 4*seconds && w.Exact >= 30
	})
	if half {
		b.awaitCard(card{"exact", "Exact", "0", b.colour("--ok")})
	}
	// The middle of a frame, its beginning, and its end, which is nearer to the beginning of the next one.
	parts := []string{"0", "-0.5", "0.3"}
	if testing.Short() {
		parts = parts[1:2]
	}
	for _, part := range parts {
		from := b.check().Exact
		await(b.t, "the page to seek", 60*time.Second, func() bool {
			return eval[bool](b, `window.refstream.state.frame !== null && window.refstream.seekToFrame(window.refstream.state.frame - 45)
				&& (document.querySelector('#video').currentTime += `+part+`/`+fps+`, true)`)
		})
		await(b.t, "exact frames after a seek", 60*time.Second, func() bool { return b.check().Exact >= from+10 })
	}
	if c := b.check(); c.Errors > 0 {
		b.t.Errorf("a true stream is called wrong after seeks: %+v", c)
	}
	b.clean()
}

var dateTime = regexp.MustCompile(`(#EXT-X-PROGRAM-DATE-TIME:)(\S+)`)

// relabel hides the frame records and moves the dates: what is left to compare with the pixels is the player's time.
func relabel(s *running, by time.Duration) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		switch path.Ext(r.URL.Path) {
		case ".m3u8":
			text, err := s.try(r.URL.RequestURI())
			if err != nil {
				return false
			}
			w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
			w.Write(dateTime.ReplaceAllFunc(text, func(tag []byte) []byte {
				parts := dateTime.FindSubmatch(tag)
				at, err := time.Parse(time.RFC3339Nano, string(parts[2]))
				if err != nil {
					return tag
				}
				return append(parts[1], at.Add(by).UTC().Format("2006-01-02T15:04:05.000000000Z")...)
			}))
		case ".ts", ".m4s":
			data, err := s.try(r.URL.RequestURI())
			if err != nil {
				return false
			}
			w.Header().Set("Content-Type", packager.ContentType(path.Base(r.URL.Path)))
			w.Write(bytes.ReplaceAll(data, []byte(`{"frame":`), []byte(`{"shown":`)))
		default:
			return false
		}
		return true
	}
}
