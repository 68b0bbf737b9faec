package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/server"
)

// limit is how long anything may take on a machine that is busy.
const limit = 60 * time.Second

// small is a stream that costs little, with an event a second.
func small(data string) server.Config {
	return server.Config{
		Data: data, Encoding: server.Encoding{Bitrate: 300_000, RateControl: server.CBR},
		Stream: scenario.Settings{
			Width: 160, Height: 90, Rate: media.FrameRate{Num: 25, Den: 1}, Segment: 400 * time.Millisecond,
			EventEvery: time.Second, EventLength: 200 * time.Millisecond,
		},
	}
}

// await asks again and again, until ok takes the answer.
func await(t *testing.T, url string, ok func(body string) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		status, body := "", ""
		if err == nil {
			b, _ := io.ReadAll(res.Body)
			res.Body.Close()
			status, body = res.Status, string(b)
			if res.StatusCode == http.StatusOK && ok(body) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: %v, %s: %.500s", url, err, status, body)
		}
	}
}

// Two servers in one process publish streams of their own. After their stop nothing is left of them, and one that is started in
// the same folder goes on with the stream, although nothing is said about it.
func TestTwoServers(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	folders := []string{t.TempDir(), t.TempDir()}
	var infos []server.Info
	ended := make(chan error, len(folders))
	for _, data := range folders {
		s, err := server.New(ctx, small(data))
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, s.Info())
		go func() { ended <- s.Run(ctx) }()
	}
	if infos[0].Channel.Seed == infos[1].Channel.Seed {
		t.Errorf("both have the seed %d", infos[0].Channel.Seed)
	}
	for _, i := range infos {
		await(t, i.URL+"/hls/main/index.m3u8", func(body string) bool { return strings.Count(body, "#EXTINF:") > 2 })
		await(t, i.URL+"/markers", func(body string) bool {
			var list struct{ Markers []markers.Marker }
			return json.Unmarshal([]byte(body), &list) == nil && len(list.Markers) > 0 && list.Markers[0].Generator == i.Channel.Generator
		})
		await(t, i.URL+"/metrics", func(body string) bool { return strings.Contains(body, "refstream_output_clients") })
	}
	stop()
	for range folders {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for _, i := range infos {
		if c, err := net.Dial("tcp", strings.TrimPrefix(i.URL, "http://")); err == nil {
			c.Close()
			t.Errorf("%s is still served", i.URL)
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); runtime.NumGoroutine() > before; <-tick.C {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}

	again, err := server.New(t.Context(), server.Config{Data: folders[0]})
	if err != nil {
		t.Fatal(err)
	}
	was, is := infos[0].Channel, again.Info().Channel
	if is.Run != 2 || is.Seed != was.Seed || is.Rate != was.Rate || is.Width != was.Width || !is.Epoch.Equal(was.Epoch) || is.Bitrate != was.Bitrate || is.RateControl != server.CBR {
		t.Errorf("it goes on with %+v, it was %+v", is, was)
	}
	ctx, stop = context.WithCancel(t.Context())
	stop()
	if err := again.Run(ctx); err != nil {
		t.Error(err)
	}
}

// What can't work is refused before anything is written, in the words of refstream serve.
func TestRefused(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*server.Config){
		"--rate: \"vbr\" is no":   func(c *server.Config) { c.Encoding.RateControl = "vbr" },
		"--raw: \"rgb\" is no":    func(c *server.Config) { c.Encoding.Raw = "rgb" },
		"--role: ":                func(c *server.Config) { c.Role = "both" },
		"--role api reads":        func(c *server.Config) { c.Role = server.API },
		"--window: 1s is too":     func(c *server.Config) { c.Stream.Window = time.Second },
		"--window: 0s is too":     func(c *server.Config) { c.Given = func(flag string) bool { return flag == "window" } },
		"--event-every: 1s leave": func(c *server.Config) { c.Stream.EventLength = time.Second },
		"--push: ":                func(c *server.Config) { c.Outputs.Push = []string{"udp://127.0.0.1:1"} },
		"--container: ":           func(c *server.Config) { c.Container = "fmp4,mp4" },
		"--addr: ":                func(c *server.Config) { c.Addr = "127.0.0.1:none" },
		"--addr":                  func(c *server.Config) { c.Addr, c.Given = "127.0.0.1:none", func(string) bool { return false } }, // a flag's default counts
	} {
		c := small(t.TempDir())
		change(&c)
		s, err := server.New(t.Context(), c)
		if err == nil {
			stopped, stop := context.WithCancel(t.Context())
			stop()
			_ = s.Run(stopped)
		}
		if err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// A twin takes no name of a channel that the data directory holds, whose segments it would remove, and none of another twin.
func TestTwinNames(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := small(data)
	first.Stream.Name = "main-tr101290"
	s, err := server.New(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Run(ended); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data, want string
		scenarios  []string
	}{
		"a channel's": {data, "holds a channel main-tr101290", []string{"tr101290"}},
		"two":         {t.TempDir(), "there are two named main-tr101290", []string{"tr101290", "tr101290"}},
	} {
		cfg := small(c.data)
		cfg.Scenarios = c.scenarios
		if _, err := server.New(t.Context(), cfg); err == nil || !strings.HasPrefix(err.Error(), "--scenario: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
