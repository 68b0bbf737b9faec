package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium that notes what the page asks for and complains about.
type browser struct {
	ctx context.Context
	t   *testing.T

	mu         sync.Mutex
	foreign    []string
	complaints []string
}

// openBrowser starts Chromium. Requests to anything but the given address are noted.
func openBrowser(t *testing.T, url string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-gpu", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.WindowSize(1280, 1400),
		chromedp.UserDataDir(t.TempDir()))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		chromedp.Cancel(ctx)
		cancel()
		cancelAllocator()
	})
	b := &browser{ctx: ctx, t: t}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v (make deps installs it)", err)
	}
	err := chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if u := e.Request.URL; !strings.HasPrefix(u, url+"/") && !strings.HasPrefix(u, "blob:"+url) && !strings.HasPrefix(u, "data:") {
				b.foreign = append(b.foreign, u)
			}
		case *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, e.ExceptionDetails.Text+" "+e.ExceptionDetails.URL)
		}
	})
	if err != nil {
		t.Fatalf("listen to Chromium: %v", err)
	}
	b.open(url + "/")
	return b
}

// open shows a page, anew where it is shown already.
func (b *browser) open(url string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(url)); err != nil {
		b.t.Fatalf("open page: %v", err)
	}
}

// eval runs a JavaScript expression in the page.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// check is the page's self-check, as the page tells it.
type check struct {
	Samples, Errors, Unknown, Exact int
	Last                            json.RawMessage
}

func (b *browser) check() check {
	b.t.Helper()
	return eval[check](b, `(({samples, errors, unknown, exact, last}) => ({samples, errors, unknown, exact, last}))(window.refstream.selfCheck)`)
}

func (b *browser) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.foreign) > 0 {
		b.t.Errorf("the page asked other hosts: %v", b.foreign)
	}
	if len(b.complaints) > 0 {
		b.t.Errorf("the page threw: %v", b.complaints)
	}
}

// playing waits until the page has checked n more frames.
func (b *browser) playing(n int, limit time.Duration) {
	b.t.Helper()
	from := b.check().Samples
	await(b.t, fmt.Sprintf("%d more frames checked in the page", n), limit, func() bool { return b.check().Samples >= from+n })
}

// A minute in a real browser: the number in the pixels, in the SEI and by the player's clock are the same in every
// frame that is sampled.
func TestPageSelfCheck(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	s.moreSegments(4)
	b := openBrowser(t, s.url)
	b.playing(10, 60*time.Second)
	began := time.Now()
	for time.Since(began) < time.Minute {
		b.playing(20, 30*time.Second)
		if c := b.check(); c.Errors != 0 {
			t.Fatalf("self-check after %v: %+v, last %s", time.Since(began), c, c.Last)
		}
	}
	c := b.check()
	t.Logf("%d frames sampled in a minute: %d exact, %d unknown, %d wrong", c.Samples, c.Exact, c.Unknown, c.Errors)
	if c.Exact < 300 || c.Exact*10 < c.Samples*9 {
		t.Errorf("only %d of %d samples are exact: %+v", c.Exact, c.Samples, c)
	}
	b.clean()
}

// A page that is open from the start plays the first segment, whose first picture comes after its first decoding time.
func TestPageFromTheFirstFrame(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"), "--bframes", "2")...)
	b := openBrowser(t, s.url)
	b.playing(90, 60*time.Second)
	if c := b.check(); c.Errors > 0 || c.Exact < 60 {
		t.Errorf("the page checks %+v", c)
	}
	b.clean()
}

// A click on a marker shows its first frame, or the next.
func TestPageSeeksToMarker(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	await(t, "markers", 60*time.Second, func() bool {
		return len(getJSON[markersAnswer](s, "/markers").Markers) >= 3
	})
	b := openBrowser(t, s.url)
	b.playing(10, 60*time.Second)
	eval[bool](b, `(window.shown = [], window.refstream.selfCheck.addEventListener('sample', (e) => window.shown.push(e.detail.pixels)), true)`)
	// While it is paused the player shows nothing but what is sought.
	eval[bool](b, `(document.querySelector('#video').pause(), true)`)
	before := -1
	await(t, "pause", 20*time.Second, func() bool {
		from := before
		before = b.check().Samples
		return before == from
	})
	for _, m := range getJSON[markersAnswer](s, "/markers").Markers[:3] {
		eval[bool](b, `(window.shown.length = 0, document.querySelector('tr[data-id="`+m.ID+`"]').click(), true)`)
		first := func() *int64 { return eval[*int64](b, `window.shown.find((n) => n !== null) ?? null`) }
		await(t, "a picture", 20*time.Second, func() bool { return first() != nil })
		got := *first()
		if got != m.Frame && got != m.Frame+1 {
			t.Errorf("click on %s shows frame %d first, want %d or the next", m.ID, got, m.Frame)
		}
		// The page knows which frame that is when it has found its segment: until then it says nothing.
		await(t, "the page to name the frame", 20*time.Second, func() bool {
			return eval[bool](b, `window.refstream.state.frame !== null`)
		})
		if says := eval[int64](b, `window.refstream.state.frame`); says != got {
			t.Errorf("the page says that frame %d is on screen, the picture that it is %d", says, got)
		}
	}
	b.clean()
}

// The server is stopped and started again: the page plays on by itself, and the self-check holds across the gap.
func TestPageRecovers(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, smallStream(data)...)
	s.moreSegments(4)
	addr := strings.TrimPrefix(s.url, "http://")
	b := openBrowser(t, s.url)
	b.playing(30, 60*time.Second)
	for _, end := range []func(){func() { s.stop() }, s.kill} {
		end()
		s = launch(t, addr, smallStream(data)...)
		s.awaitReady()
		run := getJSON[struct{ Run int64 }](s, "/clocks").Run
		from := s.newestFrame()
		await(t, "the page plays frames of the new run", 60*time.Second, func() bool {
			return eval[int64](b, `window.refstream.state.frame ?? 0`) > from
		})
		b.playing(30, 30*time.Second)
		if c := b.check(); c.Errors != 0 {
			t.Errorf("self-check in run %d: %+v, last %s", run, c, c.Last)
		}
	}
	b.clean()
}

// newestFrame is the newest frame that left the encoder.
func (s *server) newestFrame() int64 {
	s.t.Helper()
	return getJSON[struct{ Latest struct{ Frame int64 } }](s, "/clocks").Latest.Frame
}

// What says that it is ready can be played, in the first run and in later ones.
func TestReadyMeansPlayable(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	said := false
	for run := range 2 {
		s := launch(t, freeAddr(t), smallStream(data)...)
		s.await("ready", 30*time.Second, func() bool {
			res, err := http.Get(s.url + "/readyz")
			if err != nil {
				return false
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			said = said || strings.Contains(string(body), "no segment is published yet")
			return err == nil && res.StatusCode == http.StatusOK
		})
		for _, name := range []string{"master.m3u8", "index.m3u8"} {
			if text := s.get("/hls/main/" + name); !bytes.HasPrefix(text, []byte("#EXTM3U")) {
				t.Errorf("run %d: %s is %q", run, name, text)
			}
		}
		s.stop()
	}
	if !said {
		t.Error("the first run never said that no segment is published yet")
	}
}

// laterBrowser puts the browser's own time of day three days after the server's, as that of one who looks at a recording.
const laterBrowser = `globalThis.Date = class extends Date {
  static now() { return super.now() + 3 * 86400e3; }
  constructor(...given) { given.length ? super(...given) : super(Date.now()); }
};
`

// The server's clock need not be the browser's: a recording is served with the clocks of then. What the page says, it says by
// the server's.
func TestPageOfAnotherDay(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	s.moreSegments(4)
	proxy := newMoodyProxy(t, s.url)
	proxy.set(func(w http.ResponseWriter, r *http.Request) bool {
		if path.Base(r.URL.Path) != "hls.min.js" {
			return false
		}
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(append([]byte(laterBrowser), s.get(r.URL.Path)...)) // it runs before the page's modules
		return true
	})
	b := openBrowser(t, proxy.url)
	if ahead := eval[float64](b, `Date.now()`) - float64(time.Now().UnixMilli()); ahead < 2*86400e3 {
		t.Fatalf("the browser's clock is only %v ms ahead", ahead)
	}
	b.playing(60, 60*time.Second)
	await(t, "the page to call the stream live", 20*time.Second, func() bool {
		return eval[string](b, `window.refstream.state.connection`) == "live"
	})
	if latency := eval[float64](b, `window.refstream.state.latency`); latency < 0 || latency > 15 {
		t.Errorf("latency %v s", latency)
	}
	if c := b.check(); c.Errors != 0 {
		t.Errorf("self-check %+v, last %s", c, c.Last)
	}
	b.clean()
}
