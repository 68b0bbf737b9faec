package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/browser"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

// press presses a key where the focus is.
func (b *page) press(key string, shift bool) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown',
		{key: %q, shiftKey: %t, bubbles: true, cancelable: true}))`, key, shift))
}

func (b *page) text(selector string) string {
	b.t.Helper()
	return eval[string](b, `document.querySelector('`+selector+`').textContent`)
}

// click clicks the first element that a selector finds.
func (b *page) click(selector string) {
	b.t.Helper()
	eval[bool](b, `(document.querySelector('`+selector+`').click(), true)`)
}

// What a person does with the page, on one server and in one browser.
func TestPageUse(t *testing.T) {
	t.Parallel()
	ts, rtmp, relay := freeAddr(t), freeAddr(t), freeAddr(t)
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"), "--listen-ts", ts, "--rtmp", rtmp, "--relay", "udp://"+relay, "--dash")...)
	b := openBrowser(t, s.url)
	b.playing(10, 60*time.Second)
	b.hasAddresses(s, "tcp://"+ts, "rtmp://"+rtmp+"/live/main", "udp://"+relay)
	b.hasKeys(s)
	b.agreesOnLive()
	b.stopsOnMarker(s)
	b.clean()
	b.namesChannels(s)
	proxy := newMoodyProxy(t, s.url)
	b.open(proxy.url + "/")
	b.saysWhyNoTrigger(proxy)
	b.goesOffline(proxy)
	b.clean()
}

// Every form in which the stream can be had has an address that is right, and can be copied.
func (b *page) hasAddresses(s *running, outputs ...string) {
	b.t.Helper()
	list := func() []string {
		return eval[[]string](b, `[...document.querySelectorAll('#addresses dd > :first-child')].map((e) => e.textContent)`)
	}
	await(b.t, "addresses", 60*time.Second, func() bool { return len(list()) > 0 })
	got := list()
	want := outputs
	for _, p := range []string{
		"hls/main/master.m3u8", "hls/main/index.m3u8", "hls/main/master-fmp4.m3u8", "hls/main/index-fmp4.m3u8", "dash/main/manifest.mpd", "live/main.ts", "live/main.flv", "markers", "markers/stream", "frames", "segments", "clocks",
		"detections",
	} {
		want = append(want, s.url+"/"+p)
	}
	for _, address := range want {
		if !slices.Contains(got, address) {
			b.t.Errorf("the page does not give the address %s, but %q", address, got)
		}
	}
	for _, address := range got {
		if !strings.HasPrefix(address, s.url) || strings.Contains(address, "/live/") || strings.HasSuffix(address, "/stream") {
			continue
		}
		if _, err := s.try(strings.TrimPrefix(address, s.url)); err != nil {
			b.t.Errorf("the page gives the address %s: %v", address, err)
		}
	}
	if says := b.text("#addresses [data-version]"); says != "refstream "+version {
		b.t.Errorf("the page gives the version %q", says)
	}
	if link := eval[string](b, `document.querySelector('#addresses header a').href`); link != s.url+"/docs" {
		b.t.Errorf("the docs are at %s", link)
	}
	eval[bool](b, `(navigator.clipboard.writeText = async (text) => { window.copied = text; }, true)`)
	b.click("#addresses dd button")
	await(b.t, "the button to say that it copied", 60*time.Second, func() bool { return b.text("#addresses dd button") == "Copied" })
	if copied := eval[string](b, `window.copied`); copied != got[0] {
		b.t.Errorf("the first button copies %q, want %q", copied, got[0])
	}
}

// M does nothing where there is no sound, Shift+E triggers an event, and neither does where the keys are switched off, which
// they stay.
func (b *page) hasKeys(s *running) {
	b.t.Helper()
	busy := func() bool {
		return eval[bool](b, `document.querySelector('#trigger button').getAttribute('aria-busy') === 'true'`)
	}
	for _, key := range []struct {
		name  string
		shift bool
	}{{"m", false}, {"M", true}, {"e", false}} {
		if b.press(key.name, key.shift); busy() || !eval[bool](b, `document.querySelector('#video').muted`) {
			b.t.Errorf("%+v triggers an event, or lets sound be heard", key)
		}
	}
	if b.press("E", true); !busy() {
		b.t.Error("Shift+E triggers no event")
	}
	manual := func() int { return len(getJSON[markersAnswer](s, "/markers?kind=manual").Markers) }
	await(b.t, "the event", 60*time.Second, func() bool { return manual() == 1 })
	await(b.t, "the page to say so", 60*time.Second, func() bool { return strings.Contains(b.text("#trigger output"), "on screen") })

	b.click("#shortcuts")
	for range 2 { // here, and when the page is opened again
		if b.press("E", true); busy() {
			b.t.Error("Shift+E triggers an event though the keys are switched off")
		}
		if b.press("k", false); eval[bool](b, `document.querySelector('#video').paused`) {
			b.t.Error("K stops the stream though the keys are switched off")
		}
		b.open(s.url + "/")
		b.playing(10, 60*time.Second)
		if eval[bool](b, `document.querySelector('#shortcuts').checked`) {
			b.t.Error("the page does not keep that the keys are switched off")
		}
	}
	b.click("#shortcuts")
	if b.press("k", false); !eval[bool](b, `document.querySelector('#video').paused`) {
		b.t.Error("K does not stop the stream though the keys are switched on")
	}
}

// The stopped page says in each place the same of how far it is behind live.
func (b *page) agreesOnLive() {
	b.t.Helper()
	type figures struct{ Card, Button, Tooltip, Slider float64 }
	var f figures
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the page says how far it is behind live as %+v", f)
		}
	}()
	// Each is rounded to a second and brought up to date within one, on a machine that is not busy; a pixel of the timeline is
	// some tenths.
	near := func(v float64) bool { return v > 0 && v >= f.Card-3 && v <= f.Card+3 }
	await(b.t, "figures that agree on how far it is behind live", 60*time.Second, func() bool {
		f = eval[figures](b, `(() => {
			const seconds = (text) => { const m = /(\d+):(\d\d)|([\d.]+) s/.exec(text); return m ? m[3] ? Number(m[3]) : m[1] * 60 + Number(m[2]) : -1; };
			const of = (selector) => seconds(document.querySelector(selector).textContent);
			const track = document.querySelector('#timeline .track'), head = document.querySelector('#timeline .head').getBoundingClientRect();
			track.dispatchEvent(new PointerEvent('pointermove', {clientX: (head.left + head.right) / 2, bubbles: true}));
			const shown = document.querySelector('#timeline .tooltip');
			const line = [...shown.children].find((e) => /behind live/.test(e.textContent))?.textContent ?? '';
			track.dispatchEvent(new PointerEvent('pointerleave'));
			return {card: of('[data-clock=behind]'), button: of('#live span'), tooltip: seconds(line), slider: seconds(track.getAttribute('aria-valuetext'))};
		})()`)
		return f.Card > 3 && near(f.Button) && near(f.Tooltip) && near(f.Slider)
	})
}

// A marker that is chosen in the list stops the video on its first frame, exactly, and brings the picture into view.
func (b *page) stopsOnMarker(s *running) {
	b.t.Helper()
	await(b.t, "markers", 60*time.Second, func() bool { return len(getJSON[markersAnswer](s, "/markers").Markers) >= 4 })
	b.open(s.url + "/")
	b.emulate(browser.Size{Width: 800, Height: 700}, "light") // a part of the page, with room for the picture
	b.playing(10, 60*time.Second)
	eval[bool](b, `(window.shown = [], window.refstream.selfCheck.addEventListener('sample', (e) => window.shown.push(e.detail.pixels)), true)`)
	list := getJSON[markersAnswer](s, "/markers").Markers
	for _, m := range []int{0, 2, 1, 3}[:shortOr(3, 4)] {
		want := list[m]
		await(b.t, "the marker in the list", 60*time.Second, func() bool {
			return eval[bool](b, `document.querySelector('tr[data-id="`+want.ID+`"]')?.dataset.place === 'here'`)
		})
		eval[bool](b, `(scrollTo(0, 1e6), window.shown.length = 0, document.querySelector('tr[data-id="`+want.ID+`"] button').click(), true)`)
		await(b.t, "the page to say that the first frame is on screen", 60*time.Second, func() bool {
			return strings.Contains(b.text("#toast"), "its first frame")
		})
		got := eval[struct {
			Paused      bool
			Frame, Seen int64
			Top, Bottom float64
		}](b, `(({paused, frame}, {top, bottom}) => ({paused, frame, seen: window.shown.at(-1) ?? -1, top, bottom: innerHeight - bottom}))(
			window.refstream.state, document.querySelector('#video').getBoundingClientRect())`)
		if !got.Paused || got.Frame != want.Frame || got.Seen != want.Frame || got.Top < -1 || got.Bottom < -1 {
			b.t.Errorf("the choice of %s, of frame %d, shows %+v", want.ID, want.Frame, got)
		}
		eval[bool](b, `(document.querySelector('#toast').textContent = '', true)`)
		if m == 2 { // the next one is chosen while it plays
			b.click("#play")
		}
	}
}

// A channel that there is not has a clear message, and a way to those that there are.
func (b *page) namesChannels(s *running) {
	b.t.Helper()
	b.open(s.url + "/?channel=nope")
	await(b.t, "the message", 60*time.Second, func() bool { return strings.Contains(b.text("#banner strong"), `"nope"`) })
	if links := eval[[]string](b, `[...document.querySelectorAll('#banner a')].map((a) => a.textContent)`); !slices.Equal(links, []string{"main"}) {
		b.t.Errorf("the page lists the channels %q", links)
	}
	if says := b.text("#pill"); strings.Contains(says, "Offline") {
		b.t.Errorf("the page says %q", says)
	}
	b.click("#banner a")
	await(b.t, "the channel that was chosen", 60*time.Second, func() bool {
		return eval[bool](b, `location.search === '?channel=main' && window.refstream?.selfCheck.exact > 5`)
	})
}

// Where the server takes no trigger from this page it is the server's own sentence that is shown, and no token is asked for.
func (b *page) saysWhyNoTrigger(proxy *moodyProxy) {
	b.t.Helper()
	proxy.set(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Set("Via", "1.1 proxy")
		return false
	})
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, proxy.url+"/markers", strings.NewReader("{}"))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Refstream", "trigger")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var problem struct{ Detail string }
	if err := json.NewDecoder(res.Body).Decode(&problem); err != nil || res.StatusCode != http.StatusForbidden || !strings.Contains(problem.Detail, "proxy") {
		b.t.Fatalf("a trigger through a proxy answers %d, %+v, %v", res.StatusCode, problem, err)
	}
	b.playing(10, 60*time.Second)
	b.click("#trigger button")
	want := "No event. " + strings.ToUpper(problem.Detail[:1]) + problem.Detail[1:] + "."
	await(b.t, "the refusal", 60*time.Second, func() bool { return b.text("#trigger output") == want })
	if !eval[bool](b, `document.querySelector('#trigger .token').hidden`) {
		b.t.Error("the page asks for a token that the server does not have")
	}
}

// While the server is away nothing is checked and what was said is gone; when it is back the page goes on by itself.
func (b *page) goesOffline(proxy *moodyProxy) {
	b.t.Helper()
	b.awaitCard(card{"exact", "Exact", "0", b.colour("--ok")})
	if b.text("#trigger output") == "" {
		b.t.Fatal("there is no message that could become stale")
	}
	proxy.set(func(w http.ResponseWriter, r *http.Request) bool {
		hangUp(w, r)
		return true
	})
	b.awaitCard(card{"unknown", "Not checked", "–", b.colour("--soft")})
	if says := b.text("#trigger output") + b.text("#toast"); says != "" {
		b.t.Errorf("offline the page still says %q", says)
	}
	if behind := b.text("[data-clock=behind]"); behind != "–" {
		b.t.Errorf("offline the page is %s behind live", behind)
	}
	proxy.set(nil)
	await(b.t, "the page to be online", 60*time.Second, func() bool {
		return !slices.Contains([]string{"down", "connecting"}, eval[string](b, `window.refstream.state.connection`))
	})
	b.playing(10, 90*time.Second)
	b.awaitCard(card{"exact", "Exact", "0", b.colour("--ok")})
}

// The gaps of the stream say why they are there, and a marker in one is in the list, marked as not seen.
func TestPageGaps(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	args := smallStream(data)
	s := start(t, args...)
	// A marker of which no frame is in the first segments, nor in the last ones.
	var m markers.Marker
	const frames = 30 // of a segment
	s.await("a marker that other segments are around", 60*time.Second, func() bool {
		newest := s.newestFrame()
		for _, x := range getJSON[markersAnswer](s, "/markers").Markers {
			if x.Frame > 3*frames && x.LastFrame < newest-4*frames {
				m = x
				return true
			}
		}
		return false
	})
	addr := strings.TrimPrefix(s.url, "http://")
	s.stop()
	stopped := time.Now()
	for n := m.Frame / frames; n <= m.LastFrame/frames; n++ {
		if err := os.Remove(filepath.Join(data, "main", "hls", packager.TS.SegmentFile(n))); err != nil {
			t.Fatal(err)
		}
	}
	// The segment that the stop cut through was begun; the one behind it is of no generator.
	await(t, "a whole segment's time without a generator", 60*time.Second, func() bool { return time.Since(stopped) > 2*time.Second })
	s = launch(t, addr, args...)
	s.awaitReady()
	s.await("two gaps in the playlist", limit, func() bool { return bytes.Count(s.get("/hls/main/index.m3u8"), []byte("#EXT-X-GAP")) >= 2 })
	b := openBrowser(t, s.url)
	row := `document.querySelector('#markers tr[data-id="` + m.ID + `"]')`
	await(t, "the marker to be marked", 60*time.Second, func() bool {
		return eval[string](b, row+`?.querySelector('.missing').textContent ?? ''`) == "not seen in the stream"
	})
	// The newest stretches are named: on a slow machine, which skips segments, these may be others.
	named := regexp.MustCompile(`^\d+ gaps in the window: \d+ frames, [a-z]`)
	await(t, "the reasons of the gaps", 60*time.Second, func() bool { return named.MatchString(b.text("#gaps")) })
	// The window moves on between two times that the gaps are placed.
	var tips []string
	await(t, "the gaps' tooltips to say why", 60*time.Second, func() bool {
		tips = eval[[]string](b, `[...document.querySelectorAll('#timeline .gaps span')].map((e) => {
			const {left, right} = e.getBoundingClientRect();
			document.querySelector('#timeline .track').dispatchEvent(new PointerEvent('pointermove', {clientX: (left + right) / 2, bubbles: true}));
			return document.querySelector('#timeline .tooltip').textContent;
		})`)
		all := strings.Join(tips, "\n")
		return strings.Contains(all, "gap: the segment was lost after it was published") && strings.Contains(all, "gap: no generator was running")
	})
	b.playing(10, 60*time.Second)
	eval[bool](b, `(`+row+`.querySelector('button').click(), true)`)
	await(t, "the page to say why it can't show it", 60*time.Second, func() bool { return strings.Contains(b.text("#toast"), "not in the stream") })
	b.screenshots("gaps")
	b.clean()
}
