package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/browser"
)

// page is a page of ours in a browser.
type page struct {
	t       *testing.T
	browser browser.Browser
	// hosts are the origins of the pages that were opened.
	hosts []string
	// chromium is the browser where it is Chromium, which notes what the page asks for and what it throws.
	chromium *browser.ChromiumBrowser
}

// openPage starts a browser with a page.
func openPage(t *testing.T, engine browser.Engine, url string) *page {
	t.Helper()
	started, err := browser.Start(t.Context(), engine, t.TempDir(), browser.Small)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Close)
	b := &page{t: t, browser: started}
	b.chromium, _ = started.(*browser.ChromiumBrowser)
	b.open(url + "/")
	return b
}

// openBrowser starts Chromium with a page.
func openBrowser(t *testing.T, url string) *page {
	t.Helper()
	return openPage(t, browser.Chromium, url)
}

// A busy machine answers late. What takes longer than this hangs.
const browserLimit = 60 * time.Second

// open shows a page, anew where it is shown already.
func (b *page) open(address string) {
	b.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.hosts = append(b.hosts, u.Scheme+"://"+u.Host)
	ctx, cancel := context.WithTimeout(b.t.Context(), browserLimit)
	defer cancel()
	if err := b.browser.Open(ctx, address); err != nil {
		b.t.Fatalf("open page: %v", err)
	}
}

// eval evaluates a JavaScript expression in the page.
func eval[T any](b *page, expression string) (v T) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), browserLimit)
	defer cancel()
	text, err := b.browser.Eval(ctx, expression)
	for err != nil && strings.Contains(err.Error(), "Inspected target navigated") { // by a link that was clicked: the expression is for its page
		text, err = b.browser.Eval(ctx, expression)
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// check is the page's self-check, as the page reports it. Last is the last wrong frame, else the last one, as JSON.
type check struct {
	Samples, Errors, Unknown, Exact int
	Last                            jsonText
}

// jsonText is JSON that prints as such.
type jsonText string

func (t *jsonText) UnmarshalJSON(data []byte) error {
	*t = jsonText(data)
	return nil
}

func (b *page) check() check {
	b.t.Helper()
	return eval[check](b, `(({samples, errors, unknown, exact, last, history}) => {
			const {pixels, sei, media, mediaTime} = history.findLast((s) => s.verdict === 'wrong') ?? last;
			return {samples, errors, unknown, exact, last: {pixels, sei, media, mediaTime}};
		})(window.refstream?.selfCheck ?? {samples: 0, errors: 0, unknown: 0, exact: 0, last: {}, history: []})`)
}

// clean fails the test where the page asked other hosts or threw, as far as the browser notes it.
func (b *page) clean() {
	b.t.Helper()
	if b.chromium == nil {
		return
	}
	for _, u := range b.chromium.Requests() {
		own := slices.ContainsFunc(b.hosts, func(host string) bool {
			return strings.HasPrefix(u, host+"/") || strings.HasPrefix(u, "blob:"+host)
		})
		if !own && !strings.HasPrefix(u, "data:") {
			b.t.Errorf("the page asked another host: %s", u)
		}
	}
	for _, e := range b.chromium.Exceptions() {
		b.t.Errorf("the page threw: %s", e)
	}
}

// playing waits until the page has checked n more frames.
func (b *page) playing(n int, limit time.Duration) {
	b.t.Helper()
	from := b.check().Samples
	await(b.t, fmt.Sprintf("%d more frames checked in the page", n), limit, func() bool { return b.check().Samples >= from+n })
}

// A page that is open from the start plays the first segment, whose first picture comes after its first decoding time. The
// server is stopped and started again: the page plays on by itself, and the self-check holds across the gap.
func TestPageRecovers(t *testing.T) {
	tried := engines[:1]
	if !testing.Short() {
		tried = engines
	}
	for _, engine := range tried {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			args := smallStream(data, "--bframes", "2")
			s := start(t, args...)
			addr := strings.TrimPrefix(s.url, "http://")
			b := openPage(t, engine, s.url)
			await(t, "the first segments to be exact", 60*time.Second, func() bool {
				c := b.check()
				if c.Errors > 0 {
					t.Fatalf("the page checks %+v", c)
				}
				return c.Exact >= 60
			})
			for _, end := range []func(){func() { s.stop() }, s.kill} {
				end()
				s = launch(t, addr, args...)
				s.awaitReady()
				run := getJSON[struct{ Run int64 }](s, "/clocks").Run
				from := s.newestFrame()
				await(t, "the page plays frames of the new run", 60*time.Second, func() bool {
					return eval[int64](b, `window.refstream.state.frame ?? 0`) > from
				})
				b.playing(30, 60*time.Second)
				if c := b.check(); c.Errors != 0 {
					t.Errorf("self-check in run %d: %+v", run, c)
				}
			}
			b.clean()
		})
	}
}

// newestFrame is the newest frame that left the encoder.
func (s *running) newestFrame() int64 {
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
		s.await("ready", 60*time.Second, func() bool {
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

// What a page does beside playing, on one server and in one browser.
func TestPage(t *testing.T) {
	t.Parallel()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	proxy := newMoodyProxy(t, s.url)
	b := openBrowser(t, proxy.url)
	b.beginsLate(t, s, proxy)
	b.clean()
	b.ofAnotherDay(t, s, proxy)
	b.clean()
}

// The server's clock need not be the browser's: a recording is served with the clocks of then. What the page says, it says by
// the server's.
func (b *page) ofAnotherDay(t *testing.T, s *running, proxy *moodyProxy) {
	proxy.set(func(w http.ResponseWriter, r *http.Request) bool {
		if path.Base(r.URL.Path) != "hls.min.js" {
			return false
		}
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(append([]byte(laterBrowser), s.get(r.URL.Path)...)) // it runs before the page's modules
		return true
	})
	b.open(proxy.url + "/")
	if ahead := eval[float64](b, `Date.now()`) - float64(time.Now().UnixMilli()); ahead < 2*86400e3 {
		t.Fatalf("the browser's clock is only %v ms ahead", ahead)
	}
	b.playing(30, 60*time.Second)
	await(t, "the page to call the stream live", 60*time.Second, func() bool {
		state := eval[string](b, `window.refstream.state.connection`)
		if state == "replay" { // the machine was too busy to keep up
			eval[bool](b, `(document.querySelector('#live').click(), true)`)
		}
		return state == "live"
	})
	if behind := eval[float64](b, `window.refstream.state.behindLive`); behind < 0 || behind > 60 {
		t.Errorf("%v s behind live", behind)
	}
	if c := b.check(); c.Errors != 0 {
		t.Errorf("self-check %+v", c)
	}
}
