package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// run runs the server on a loopback port; stop ends it and fails the test where it does not end as it should.
func (f *fixture) run(t *testing.T) (addr string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.server.Run(ctx, ln) }()
	return ln.Addr().String(), func() {
		t.Helper()
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Run returned %v", err)
			}
		case <-time.After(patience):
			buf := make([]byte, 1<<20)
			t.Errorf("Run did not end:\n%s", buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestRunStopsWithClients(t *testing.T) {
	if stopTimeout > 2*time.Second {
		t.Errorf("a stop may take %v", stopTimeout)
	}
	before := runtime.NumGoroutine()
	f := newFixture(t)
	addr, stop := f.run(t)
	srv := &httptest.Server{URL: "http://" + addr}
	transport := &http.Transport{}
	clients := []*eventStream{}
	for range 3 {
		r, err := http.NewRequest(http.MethodGet, srv.URL+"/markers/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		clients = append(clients, &eventStream{t: t, resp: resp})
	}
	// Connections that are idle, or in the middle of a request, don't hold it up either.
	for _, sent := range []string{"", "GET /clo", "POST /markers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
		"X-Refstream: trigger\r\nContent-Length: 10\r\n\r\n{", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	for _, c := range clients {
		if _, err := io.ReadAll(c.resp.Body); err != nil {
			t.Errorf("the stream did not end in order: %v", err)
		}
	}
	transport.CloseIdleConnections()
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the port is still open")
	}
	for deadline := time.After(patience); runtime.NumGoroutine() > before; runtime.Gosched() {
		select {
		case <-deadline:
			buf := make([]byte, 1<<20)
			t.Fatalf("goroutines left:\n%s", buf[:runtime.Stack(buf, true)])
		default:
		}
	}
}

func TestRunReportsAListenerThatFails(t *testing.T) {
	f := newFixture(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := f.server.Run(context.Background(), ln); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	f := newFixture(t)
	addr, stop := f.run(t)
	defer stop()
	status, _ := raw(t, addr, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("a", 64<<10)+"\r\n\r\n")
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", status)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/nothing", "/markers/", "/markers/x", "/frames/1/2", "/HEALTHZ", "/hls", "/hls/", "/clocks/x", "/.git/config"} {
		f.refused(f.get(path), http.StatusNotFound, "")
		if path != "/frames/1/2" { // the router takes it for a frame, which can't be posted
			f.refused(f.do(request(http.MethodPost, path, "")), http.StatusNotFound, "")
		}
	}
	tests := []struct {
		method, path string
		allow        []string
	}{
		{"POST", "/clocks", []string{"GET", "HEAD"}}, {"DELETE", "/markers", []string{"GET", "HEAD", "POST"}},
		{"PUT", "/frames/1", []string{"GET", "HEAD"}}, {"HEAD", "/markers/stream", []string{"GET"}},
		{"POST", "/", []string{"GET", "HEAD"}}, {"PATCH", "/hls/main/index.m3u8", []string{"GET", "HEAD"}},
		{"BREW", "/healthz", []string{"GET", "HEAD"}},
	}
	for _, tt := range tests {
		w := f.do(request(tt.method, tt.path, ""))
		allow := strings.FieldsFunc(w.Header().Get("Allow"), func(r rune) bool { return r == ',' || r == ' ' })
		for _, want := range tt.allow {
			if !slices.Contains(allow, want) {
				t.Errorf("%s %s: Allow %q, want %s in it", tt.method, tt.path, w.Header().Get("Allow"), want)
			}
		}
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d", tt.method, tt.path, w.Code)
		}
	}
}

func TestPage(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/", "/app.js"} {
		if w := f.get(path); w.Code != 200 || w.Body.String() != "<!doctype html>" {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	f = newFixture(t, func(c *Config) { c.Page = nil })
	f.refused(f.get("/"), http.StatusNotFound, "")
	f = newFixture(t, func(c *Config) {
		c.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "x", http.StatusGone) })
	})
	f.refused(f.get("/old.js"), http.StatusGone, "")
	f = newFixture(t, func(c *Config) {
		c.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("run make build"))
		})
	})
	r, w := request(http.MethodGet, "/", ""), httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, r)
	if f.spec.check(t, r, w); w.Code != 503 || w.Body.String() != "run make build" {
		t.Errorf("a message for people: %d %q", w.Code, w.Body)
	}
}

func TestSecurityHeaders(t *testing.T) {
	f := published(t)
	for _, target := range []string{"/", "/markers", "/nothing", "/hls/main/index.m3u8", "/hls/main/seg-12.ts", "/markers?limit=x"} {
		h := f.get(target).Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") ||
			strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("Server") != "" {
			t.Errorf("%s: %v", target, h)
		}
	}
}

func TestPanicsAreAnswered(t *testing.T) {
	var log bytes.Buffer
	begun := false
	f := newFixture(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if begun {
				_, _ = w.Write([]byte("half"))
			}
			panic("secret cause")
		})
	})
	w := f.get("/")
	f.refused(w, http.StatusInternalServerError, "")
	if strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret cause") {
		t.Errorf("answer %s, log %s", w.Body, &log)
	}
	if !strings.Contains(f.get("/metrics").Body.String(), "refstream_http_panics_total 1\n") {
		t.Error("the panic was not counted")
	}
	begun = true
	srv := httptest.NewServer(f.server.Handler())
	defer srv.Close()
	if resp, err := http.Get(srv.URL); err == nil {
		defer resp.Body.Close()
		if _, err = io.ReadAll(resp.Body); err == nil {
			t.Error("half an answer looks like a whole one")
		}
	}
}

func TestRequestLog(t *testing.T) {
	var mu sync.Mutex
	var log bytes.Buffer
	f := newFixture(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	f.get("/markers?limit=x")
	mu.Lock()
	defer mu.Unlock()
	if s := log.String(); !strings.Contains(s, "level=DEBUG msg=request method=GET path=/markers status=400 bytes=") {
		t.Errorf("log %q", s)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func TestCORS(t *testing.T) {
	const origin = "https://tool.example"
	preflight := func(f *fixture, from, method, headers string) http.Header {
		w := f.do(request(http.MethodOptions, "/markers", "", "Origin", from,
			"Access-Control-Request-Method", method, "Access-Control-Request-Headers", headers))
		return w.Header()
	}
	none := newFixture(t)
	if h := none.get("/markers", "Origin", origin).Header(); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("not configured: %v", h)
	}
	if h := preflight(none, origin, "POST", "authorization"); h.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("not configured, preflight: %v", h)
	}
	one := newFixture(t, func(c *Config) { c.CORSOrigins = []string{"http://localhost:3000", origin} })
	for from, want := range map[string]string{origin: origin, "https://evil.example": "", "": "", "null": "", origin + ".evil": ""} {
		h := one.get("/markers", "Origin", from).Header()
		if h.Get("Access-Control-Allow-Origin") != want || !slices.Contains(h.Values("Vary"), "Origin") {
			t.Errorf("from %q: %v", from, h)
		}
	}
	if h := one.get("/markers?limit=x", "Origin", origin).Header(); h.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("an error: %v", h)
	}
	all := newFixture(t, func(c *Config) { c.CORSOrigins = []string{"*"} })
	if h := all.get("/hls/main/x", "Origin", "https://any.example").Header(); h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("any: %v", h)
	}
	for _, f := range []*fixture{one, all} {
		h := preflight(f, origin, "POST", "authorization,content-type")
		if h.Get("Access-Control-Allow-Origin") == "" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("preflight: %v", h)
		}
		// What lets this machine's user trigger without a token is not for pages of others.
		if strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), "x-refstream") || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("preflight allows too much: %v", h)
		}
	}
	if h := preflight(one, "https://evil.example", "POST", "authorization"); h.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("preflight from elsewhere: %v", h)
	}
}

// FuzzTargets asks for anything: the answer is never a 500, and every error is a problem document.
func FuzzTargets(f *testing.F) {
	for _, target := range []string{
		"/markers?ts_start=1.5&limit=2", "/frames/5", "/frames/5.png", "/frames?from=1&to=2", "/segments?from=0", "/clocks?channel=main",
		"/hls/main/index.m3u8", "/hls/main/..%2fchannel.json", "/markers?format=vtt&order=desc", "/%zz", "/markers?a=%zz", "/frames/%35",
	} {
		f.Add(target, "text/csv;q=0.5")
	}
	fx := withMarkers(f)
	fx.append(markers.Batch{Frames: frames(0, 10), Missing: []markers.MissingRecord{lost(11, 20)}})
	f.Fuzz(func(t *testing.T, target, accept string) {
		r, err := http.ReadRequest(newRequestReader(target, accept))
		if err != nil || strings.HasPrefix(r.URL.Path, "/markers/stream") {
			return
		}
		w := httptest.NewRecorder()
		fx.server.Handler().ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("GET %q: %d %s", target, w.Code, w.Body)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("GET %q: %d with %q", target, w.Code, w.Header().Get("Content-Type"))
		}
	})
}

func newRequestReader(target, accept string) *bufio.Reader {
	return bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAccept: " + accept + "\r\n\r\n"))
}
