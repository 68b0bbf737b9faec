package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

func TestClocks(t *testing.T) {
	f := newFixture(t)
	var v clocksView
	f.ok("/clocks", &v)
	if v.Latest != nil || v.Live || v.ServerFrame != 3000 || v.FPSNum != 30000 || v.FPSDen != 1001 || v.Name != "main" {
		t.Errorf("without frames: %+v", v)
	}
	f.append(markers.Batch{Frames: frames(2980, 2990)})
	f.clock.add(-1)
	f.ok("/clocks", &v)
	if !v.Live || v.Latest == nil || v.Latest.Frame != 2990 || v.ServerFrame != 2999 ||
		v.Latest.Time.String() != "99.766333333" || v.Latest.GenSeconds.String() != "99.767833333" ||
		v.Latest.Timecode != "00:01:39:20" {
		t.Errorf("with frames: %+v %+v", v, v.Latest)
	}
	f.clock.add(20 * time.Second)
	if f.ok("/clocks", &v); v.Live {
		t.Error("live 20 s after the newest frame")
	}
	f.refused(f.get("/clocks?channel=x"), http.StatusNotFound, "")
	f.refused(f.get("/clocks?now=1"), http.StatusBadRequest, "now")
}

func TestChannels(t *testing.T) {
	f := newFixture(t)
	f.put(testChannel("b"))
	var v struct{ Channels []channelView }
	f.ok("/channels", &v)
	if len(v.Channels) != 2 || !reflect.DeepEqual(v.Channels[1].Channel, testChannel("main")) {
		t.Errorf("%+v", v)
	}
	clear(f.store.channels)
	if w := f.get("/channels"); strings.TrimSpace(w.Body.String()) != `{"channels":[]}` {
		t.Errorf("no channels: %s", w.Body)
	}
	f.refused(f.get("/channels?channel=main"), http.StatusBadRequest, "channel")
}

func TestHealth(t *testing.T) {
	f := newFixture(t)
	f.store.setFail(markers.ErrUnavailable)
	if w := f.get("/healthz?probe=1"); w.Code != 200 || !strings.Contains(w.Body.String(), `"version":"test"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestReady(t *testing.T) {
	var extra error
	f := newFixture(t, func(c *Config) { c.Ready = func(context.Context) error { return extra } })
	check := func(want ...string) {
		t.Helper()
		w := f.get("/readyz")
		ready := w.Code == 200
		if ready != (len(want) == 0) {
			t.Errorf("%d %s, want reasons %q", w.Code, w.Body, want)
		}
		for _, reason := range want {
			if !strings.Contains(w.Body.String(), reason) {
				t.Errorf("%s: want the reason %q", w.Body, reason)
			}
		}
	}
	check()
	f.store.ready = errors.New("redis is away")
	extra = errors.New("disk is full")
	check("redis is away", "disk is full")
	// Where the server's files are is nobody's business.
	f.store.ready = &os.PathError{Op: "write", Path: filepath.Join(f.dir, "main/journal/frames-1.jsonl"), Err: syscall.ENOSPC}
	extra = fmt.Errorf("publish: %w", &os.PathError{Op: "open", Path: filepath.Join(f.dir, "main/hls/seg-1.ts"), Err: syscall.EACCES})
	check("write frames-1.jsonl: no space left", "publish: open seg-1.ts: permission denied")
	if w := f.get("/readyz"); strings.Contains(w.Body.String(), f.dir) {
		t.Errorf("it shows paths: %s", w.Body)
	}
	f.store.ready, extra = nil, nil
	clear(f.store.channels)
	check("no channel yet")
	f.store.setFail(markers.ErrUnavailable)
	check("store unavailable")
}

// A channel that this process generates is ready when a player can load it, be it from an earlier run; one that another
// process generates need not be published here.
func TestReadyWaitsForThePlaylists(t *testing.T) {
	f := newFixture(t, func(c *Config) {
		c.Live = func(channel, _ string) http.Handler {
			if channel != "main" {
				return nil
			}
			return http.NotFoundHandler()
		}
	})
	f.put(testChannel("other"))
	unready := func(what, want string) {
		t.Helper()
		w := f.get("/readyz")
		var v readyView
		if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusServiceUnavailable || len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], want) ||
			!strings.Contains(v.Reasons[0], "channel main: no segment is published yet") {
			t.Errorf("%s: %d %q, want the one reason that %s is not there", what, w.Code, v.Reasons, want)
		}
		if player := f.get("/hls/main/" + want); player.Code != http.StatusNotFound {
			t.Errorf("%s: a player gets %d for %s", what, player.Code, want)
		}
	}
	ready := func(what string) {
		t.Helper()
		if w := f.get("/readyz"); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	unready("nothing is published", "index.m3u8")
	f.publish("index.m3u8", testPlaylist)
	unready("without the multivariant playlist", "master.m3u8")
	f.publish("master.m3u8", testPlaylist)
	ready("with both playlists")
	if err := os.RemoveAll(filepath.Join(f.dir, "main", "hls")); err != nil {
		t.Fatal(err)
	}
	ready("after it was published once, failures are told by Config.Ready")

	api := newFixture(t)
	if w := api.get("/readyz"); w.Code != http.StatusOK {
		t.Errorf("a process that does not generate, without the files: %d %s", w.Code, w.Body)
	}
}

func TestStoreFailures(t *testing.T) {
	targets := []string{"/markers", "/markers/stream", "/frames", "/frames/1", "/frames/1.png", "/segments", "/clocks", "/channels"}
	tests := []struct {
		err   error
		want  int
		retry string
	}{
		{fmt.Errorf("read: %w", markers.ErrUnavailable), 503, "1"},
		{errors.New("secret detail"), 500, ""},
		{context.DeadlineExceeded, 503, "1"},
	}
	for _, tt := range tests {
		f := live(t)
		f.store.setFail(tt.err)
		for _, target := range targets {
			w := f.get(target)
			if w.Code != tt.want || w.Header().Get("Retry-After") != tt.retry || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s with %v: %d, Retry-After %q, %s", target, tt.err, w.Code, w.Header().Get("Retry-After"), w.Body)
			}
		}
		if w := f.post("{}"); w.Code != tt.want {
			t.Errorf("POST /markers with %v: %d", tt.err, w.Code)
		}
	}
}

func TestMetrics(t *testing.T) {
	f := withMarkers(t)
	f.get("/markers")
	f.get("/markers?limit=0")
	f.get("/nothing")
	f.do(request("BREW", "/markers", ""))
	f.get("/app.js")
	body := f.get("/metrics").Body.String()
	for _, want := range []string{
		`refstream_http_requests_total{method="GET",route="/markers",status="200"} 1`,
		`refstream_http_requests_total{method="GET",route="/markers",status="400"} 1`,
		`refstream_http_requests_total{method="GET",route="other",status="404"} 1`,
		`refstream_http_requests_total{method="GET",route="/",status="200"} 1`,
		`refstream_http_requests_total{method="other",route="/markers",status="405"} 1`,
		`refstream_http_request_duration_seconds_count{route="/markers"} 3`,
		`refstream_http_stream_clients 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "refstream") {
				t.Log(line)
			}
		}
	}
}

func TestMetricsTwiceOnOneRegistry(t *testing.T) {
	f := newFixture(t)
	cfg := f.server.cfg
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "register metrics") {
		t.Errorf("error %v", err)
	}
}

func TestConfigRefused(t *testing.T) {
	good := newFixture(t).server.cfg
	good.Gatherer, good.Registerer = nil, nil
	for want, change := range map[string]func(*Config){
		"Store":              func(c *Config) { c.Store = nil },
		"HLSDir":             func(c *Config) { c.HLSDir = nil },
		"Now":                func(c *Config) { c.Now = nil },
		"TriggerLead":        func(c *Config) { c.TriggerLead = time.Minute },
		"must not be negat":  func(c *Config) { c.StreamClients = -1 },
		"both Gatherer":      func(c *Config) { c.Gatherer = newFixture(t).server.cfg.Gatherer },
		"https://a.example/": func(c *Config) { c.CORSOrigins = []string{"https://a.example/"} },
		`"a.example"`:        func(c *Config) { c.CORSOrigins = []string{"*", "a.example"} },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	if _, err := New(good); err != nil {
		t.Errorf("good configuration: %v", err)
	}
}

func TestHeadHasTheHeadersOfGet(t *testing.T) {
	f := withMarkers(t)
	f.append(markers.Batch{Frames: frames(0, 5)})
	f.publish("index.m3u8", testPlaylist)
	for _, target := range []string{
		"/markers", "/markers?format=csv", "/frames", "/frames/3", "/frames/3.png", "/segments", "/channels", "/healthz",
		"/readyz", "/openapi.yaml", "/hls/main/index.m3u8", "/", "/nothing", "/markers?limit=0",
	} {
		get, head := f.get(target), f.do(request(http.MethodHead, target, ""))
		if get.Code != head.Code || get.Header().Get("Content-Type") != head.Header().Get("Content-Type") ||
			get.Header().Get("ETag") != head.Header().Get("ETag") ||
			!slices.Equal(get.Header().Values("Cache-Control"), head.Header().Values("Cache-Control")) {
			t.Errorf("%s: GET %d %v, HEAD %d %v", target, get.Code, get.Header(), head.Code, head.Header())
		}
	}
}
