package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// fakeClock is a clock that stands still until it is moved.
type fakeClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// testEpoch is the epoch of the channels in tests.
func testEpoch() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// testChannel has 30000/1001 frames/s, so that no time is a round number, and events that are rare enough to place
// others between them.
func testChannel(name string) markers.Channel {
	return markers.Channel{
		Name: name, Run: 3, Epoch: testEpoch(), Rate: media.FrameRate{Num: 30000, Den: 1001}, FramesPerSegment: 60,
		PTSOrigin: markers.PTSOrigin, Seed: 7, Width: 320, Height: 180, EventEvery: 600, EventLength: 60, Window: 300,
	}
}

// fixture is a server on a store in memory. Every answer is checked against the OpenAPI document.
type fixture struct {
	t      testing.TB
	store  *memoryStore
	clock  *fakeClock
	server *Server
	dir    string
	spec   *spec
}

// newFixture has the channel main at frame 3000 (100.1 s) by the clock.
func newFixture(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	f := &fixture{
		t: t, store: newMemoryStore(), dir: t.TempDir(), spec: loadSpec(t),
		clock: &fakeClock{t: testChannel("main").Clock().UTC(3000)},
	}
	cfg := Config{
		Store: f.store, Now: f.clock.now, Version: "test",
		HLSDir: func(channel string) string { return filepath.Join(f.dir, channel, "hls") },
		Page: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" && r.URL.Path != "/app.js" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<!doctype html>"))
		}),
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.server = s
	f.put(testChannel("main"))
	return f
}

func (f *fixture) put(c markers.Channel) {
	f.t.Helper()
	if err := f.store.PutChannel(context.Background(), c); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) append(b markers.Batch) {
	f.t.Helper()
	if err := f.store.Append(context.Background(), "main", b); err != nil {
		f.t.Fatal(err)
	}
}

// event makes the marker of frames first to last.
func event(number, first, last int64) markers.Marker {
	s, err := scenario.New(testChannel("main"))
	if err != nil {
		panic(err)
	}
	m := s.Marker(scenario.Event{Number: number, First: first, Last: last}, "")
	return m.At(m.UTC.Add(1234567), s.Channel.Epoch)
}

// frame makes the record of frame n.
func frame(n int64) markers.FrameRecord {
	k := testChannel("main").Clock()
	return markers.FrameRecord{
		Frame: n, PTS: k.PTS(n), DTS: k.PTS(n) - 6006, Timecode: k.Timecode(n).String(), UTC: k.UTC(n),
		GenNS: k.UTC(n).UnixNano() + 1_500_000, MonoNS: int64(k.Time(n)), Run: 3, Key: n%60 == 0, MSN: k.MSN(n),
		Offset: k.Offset(n), Bytes: 1000,
	}
}

func frames(from, to int64) (out []markers.FrameRecord) {
	for n := from; n <= to; n++ {
		out = append(out, frame(n))
	}
	return out
}

func lost(from, to int64) markers.MissingRecord {
	return markers.MissingRecord{Frame: from, LastFrame: to, Reason: markers.ReasonSkipped, At: testEpoch()}
}

// publish writes a file of the channel main.
func (f *fixture) publish(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.dir, "main", "hls", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// request makes a request as this machine's user would send it. header is name, value, name, value...
func request(method, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:5000", "localhost:8080"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// do answers r, and checks the answer against the document.
func (f *fixture) do(r *http.Request) *httptest.ResponseRecorder {
	f.t.Helper()
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	f.spec.check(f.t, r, w)
	if w.Code >= 400 && r.URL.Path != "/readyz" {
		f.checkProblem(r, w)
	}
	return w
}

// checkProblem: every error is a problem document that says what the status line says.
func (f *fixture) checkProblem(r *http.Request, w *httptest.ResponseRecorder) {
	f.t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		f.t.Errorf("%s %s: %d with Content-Type %q", r.Method, r.URL, w.Code, got)
	}
	if r.Method == http.MethodHead {
		return
	}
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		f.t.Fatalf("%s %s: %v in %q", r.Method, r.URL, err, w.Body)
	}
	if p.Status != w.Code || p.Title != http.StatusText(w.Code) || p.Detail == "" || p.Type != "about:blank" {
		f.t.Errorf("%s %s: %d with %+v", r.Method, r.URL, w.Code, p)
	}
}

func (f *fixture) get(target string, header ...string) *httptest.ResponseRecorder {
	f.t.Helper()
	return f.do(request(http.MethodGet, target, "", header...))
}

// ok gets target, which must answer 200 with JSON, into v.
func (f *fixture) ok(target string, v any) {
	f.t.Helper()
	w := f.get(target)
	if w.Code != http.StatusOK {
		f.t.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		f.t.Fatalf("GET %s: %v", target, err)
	}
}

// refused gets target, which must answer with the status and name the field.
func (f *fixture) refused(w *httptest.ResponseRecorder, status int, field string) {
	f.t.Helper()
	var p Problem
	_ = json.Unmarshal(w.Body.Bytes(), &p)
	if w.Code != status || p.Field != field {
		f.t.Errorf("answer is %d, field %q (%s); want %d, field %q", w.Code, p.Field, p.Detail, status, field)
	}
}

// quiet is a stretch of frames from at least n on in which main has no scheduled event.
func quiet(t testing.TB, n, length int64) int64 {
	t.Helper()
	c := testChannel("main")
	s, err := scenario.NewSchedule(c.Seed, c.EventEvery, c.EventLength)
	if err != nil {
		t.Fatal(err)
	}
	for len(s.Between(n-1, n+length)) > 0 {
		n++
	}
	return n
}
