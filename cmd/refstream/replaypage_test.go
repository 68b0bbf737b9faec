package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder/replay"
	"github.com/refstream/refstream/recorder/replaypage"
)

// recordForeign records some seconds of a stream whose playlist fails for a while, as one of which nothing else is known, and
// gives the folder of the sessions; the session is called first.
func recordForeign(t *testing.T) string {
	t.Helper()
	s := start(t, smallStream(filepath.Join(t.TempDir(), "data"))...)
	s.moreSegments(3)
	proxy := newMoodyProxy(t, s.url)
	asked := 0
	proxy.set(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/hls/") {
			http.NotFound(w, r)
			return true
		}
		if path.Base(r.URL.Path) == "index.m3u8" {
			if asked++; asked > 40 && asked < 55 {
				http.Error(w, "not now", http.StatusServiceUnavailable)
				return true
			}
		}
		return false
	})
	dir := t.TempDir()
	must(t, "record", proxy.url+"/hls/main/master.m3u8", "-o", dir, "-s", "first", "--poll", "50ms", "--duration", "10s")
	return dir
}

// The replay page shows the recording's timeline with what gaps finds, plays, and goes elsewhere in the recording: by what
// was found, and by keys.
func TestPlayerPageRecording(t *testing.T) {
	t.Parallel()
	dir := recordForeign(t)
	r := startReplay(t, dir)
	position := func() (at, length float64) {
		p := getJSON[struct{ At, Length float64 }](r, "/_replay/position")
		return p.At, p.Length
	}
	var report struct {
		Findings []struct {
			Kind   string
			Offset float64 `json:"replay_offset"`
		}
	}
	if err := json.Unmarshal(r.get("/_replay/gaps"), &report); err != nil || len(report.Findings) == 0 {
		t.Fatalf("gaps finds %+v, %v", report, err)
	}
	b := openBrowser(t, r.url)
	b.plays(1)
	listed := func() int { return eval[int](b, `document.querySelectorAll('#recording .findings li').length`) }
	await(t, "what gaps found", 60*time.Second, func() bool { return listed() == min(len(report.Findings), 200) })
	if marks := eval[int](b, `document.querySelectorAll('#recording .marks span').length`); marks != len(report.Findings) {
		t.Errorf("%d findings are on the timeline, gaps finds %d", marks, len(report.Findings))
	}
	if first := b.text("#recording .findings li"); !strings.Contains(first, strings.ReplaceAll(report.Findings[0].Kind, "_", " ")) {
		t.Errorf("the first finding is shown as %q, it is %+v", first, report.Findings[0])
	}
	b.screenshots("replay")
	b.isAccessible()

	_, length := position()
	seeks := func(what string, from, to float64, do func()) {
		t.Helper()
		eval[bool](b, `(window.load = performance.now(), true)`)
		do()
		await(t, what, 60*time.Second, func() bool {
			at, _ := position()
			return at >= from && at <= to
		})
		b.plays(1)
	}
	// Whatever the machine does meanwhile, a seek that was taken leaves the replay at or behind its place.
	seeks("the start", 0, length/2, func() {
		eval[bool](b, `(document.querySelector('#recording .track').dispatchEvent(new KeyboardEvent('keydown', {key: 'Home', bubbles: true})), true)`)
	})
	target := max(0, report.Findings[0].Offset-5)
	seeks("the first finding", target, length, func() { b.click("#recording .findings button") })
	seeks("a place on the timeline", 0, length/2, func() {
		eval[bool](b, `(() => { const e = document.querySelector('#recording .track'), {left, width} = e.getBoundingClientRect();
			e.dispatchEvent(new MouseEvent('click', {clientX: left + width / 10, bubbles: true})); return true; })()`)
	})
	b.clean()

	t.Run("requests", func(t *testing.T) { checkSeeks(t, filepath.Join(dir, "first")) })
}

// checkSeeks wants what asks a replay to go elsewhere to be refused or taken, with a status and a sentence.
func checkSeeks(t *testing.T, dir string) {
	session := openSession(t, dir)
	o := replay.Options{Now: time.Now, Wait: true, Speed: replay.Speed{Num: 1, Den: 1}, Offset: 2 * time.Second}
	for _, truth := range []bool{false, true} {
		p := &replaypage.Page{Dir: dir, Options: o, Forward: truth}
		var err error
		if p.Server, err = replay.New(t.Context(), session, o); err != nil {
			t.Fatal(err)
		}
		back := http.StatusOK
		if truth {
			back = http.StatusConflict
		}
		for _, c := range []struct {
			method, header, kind, body string
			status                     int
			says                       string
		}{
			{"POST", "replay", "application/json", `{"at": 4.5}`, 200, `"at":4.5`},
			{"POST", "replay", "application/json; charset=utf-8", `{"at": 4}`, back, map[bool]string{false: `"at":4,`, true: "--offset"}[truth]},
			{"POST", "", "application/json", `{"at": 5}`, 403, "X-Refstream"},
			{"POST", "trigger", "application/json", `{"at": 5}`, 403, "X-Refstream"},
			{"POST", "replay", "text/plain", `{"at": 5}`, 415, "application/json"},
			{"POST", "replay", "application/json", `{"at": 1e9}`, 400, "not in the recording"},
			{"POST", "replay", "application/json", `{"at": 1e99}`, 400, "at"},
			{"POST", "replay", "application/json", `{"at": "x"}`, 400, "at"},
			{"POST", "replay", "application/json", `{}`, 400, "at"},
			{"POST", "replay", "application/json", `{"at": 5}` + strings.Repeat(" ", 2000), 400, "at"},
			{"DELETE", "replay", "application/json", ``, 405, "GET"},
			{"GET", "", "", "", 200, `"started":false`},
		} {
			r := httptest.NewRequest(c.method, "/_replay/position", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			if c.header != "" {
				r.Header.Set("X-Refstream", c.header)
			}
			w := httptest.NewRecorder()
			p.Before(nil)("/_replay/position").ServeHTTP(w, r)
			body, _ := io.ReadAll(w.Result().Body)
			if w.Code != c.status || !strings.Contains(string(body), c.says) || !json.Valid(body) {
				t.Errorf("truth %v: %s %q with %q: %d %s, want %d and %q", truth, c.method, c.body, c.header, w.Code, body, c.status, c.says)
			}
		}
		if at := p.Server.Position().At; at != time.Duration(map[bool]media.Seconds{false: 4e9, true: 45e8}[truth]) {
			t.Errorf("truth %v: the replay is at %v", truth, at)
		}
	}
}
