package api

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// withLive serves a short "stream" for channel main, and refuses channel full.
func withLive(c *Config) {
	c.Live = func(channel, format string) http.Handler {
		return map[string]http.Handler{
			"main.ts": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "video/mp2t")
				_, _ = io.WriteString(w, "packets")
				if err := http.NewResponseController(w).Flush(); err != nil {
					_, _ = io.WriteString(w, err.Error())
				}
			}),
			"full.flv": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "full", http.StatusServiceUnavailable)
			}),
		}[channel+"."+format]
	}
	c.Outputs = func(channel string) []Output {
		if channel != "main" {
			return nil
		}
		return []Output{{Kind: "push", Name: "tcp://127.0.0.1:4444", State: "waiting", Reconnects: 3, LastError: "connection refused"}}
	}
}

func TestLive(t *testing.T) {
	f := newFixture(t, withLive)
	cases := []struct {
		path   string
		status int
		want   string
	}{
		{"/live/main.ts", 200, "packets"},
		{"/live/main.flv", 404, "another one"},
		{"/live/none.ts", 404, "no such channel"},
		{"/live/main.mp4", 404, "/live/{channel}.ts"},
		{"/live/main", 404, "/live/{channel}.ts"},
		{"/live/full.flv", 503, "all places"},
	}
	for _, c := range cases {
		w := f.get(c.path)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("GET %s: %d %s, want %d with %q", c.path, w.Code, w.Body, c.status, c.want)
		}
		if c.status == 503 && w.Header().Get("Retry-After") == "" {
			t.Errorf("GET %s: no Retry-After", c.path)
		}
	}
	if w := newFixture(t).get("/live/main.ts"); w.Code != 404 {
		t.Errorf("without a generator: %d", w.Code)
	}
}

// TestLiveIsNotHeldBack reads what was flushed while the handler still runs.
func TestLiveIsNotHeldBack(t *testing.T) {
	release := make(chan struct{})
	f := newFixture(t, func(c *Config) {
		c.Live = func(string, string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "first")
				_ = http.NewResponseController(w).Flush()
				<-release
			})
		}
	})
	server := httptest.NewServer(f.server.Handler())
	defer server.Close()
	defer close(release)
	res, err := http.Get(server.URL + "/live/main.ts")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := make([]byte, len("first"))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != "first" {
		t.Errorf("read %q, %v", got, err)
	}
}

// TestLiveTakesNoBody: a body that is announced and never sent must not hold a place.
func TestLiveTakesNoBody(t *testing.T) {
	f := newFixture(t, withLive)
	server := httptest.NewServer(f.server.Handler())
	defer server.Close()
	for _, path := range []string{"/live/main.ts", "/markers/stream"} {
		for _, header := range []string{"Content-Length: 1", "Transfer-Encoding: chunked"} {
			c, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n"+header+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil { // the answer waits for the body, but no longer than that
				t.Fatal(err)
			}
			answer, err := io.ReadAll(c)
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
				t.Errorf("%s with %s: %v, %.100s", path, header, err, answer)
			}
		}
	}
}

func TestChannelsShowOutputs(t *testing.T) {
	f := newFixture(t, withLive)
	f.put(testChannel("other"))
	var answer struct {
		Channels []struct {
			Channel string
			Outputs []Output
		}
	}
	if err := json.Unmarshal(f.get("/channels").Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Channels) != 2 || len(answer.Channels[0].Outputs) != 1 || answer.Channels[1].Outputs != nil {
		t.Fatalf("%+v", answer)
	}
	if o := answer.Channels[0].Outputs[0]; o.Kind != "push" || o.Reconnects != 3 || o.LastError != "connection refused" {
		t.Errorf("%+v", o)
	}
}
