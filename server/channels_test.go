package server_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/refstream/refstream/server"
)

// several is a Config of small channels of these names, each of a size of its own.
func several(data string, names ...string) server.Config {
	c := server.Config{Data: data}
	for i, name := range names {
		one := small("")
		one.Stream.Name, one.Stream.Width = name, 160+32*i
		c.Channels = append(c.Channels, one)
	}
	return c
}

// begin runs a server until the test ends, or stop is called, which waits for its end.
func begin(t *testing.T, c server.Config) (s *server.Server, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := server.New(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var stopped bool
	stop = func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// get asks once.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestSeveralChannels: each has its own picture, files, truth, carriers and twin; a later start continues all of them.
func TestSeveralChannels(t *testing.T) {
	t.Parallel()
	c := several(t.TempDir(), "a", "b")
	c.Channels[1].Scenarios = []string{"tr101290"}
	for run := 1; run <= 2; run++ {
		s, stop := begin(t, c)
		await(t, s.URL()+"/readyz", func(string) bool { return true })
		for name, size := range map[string]string{"a": "160x90", "b": "192x90"} {
			await(t, s.URL()+"/hls/"+name+"/master.m3u8", func(body string) bool { return strings.Contains(body, size) })
			await(t, s.URL()+"/markers?channel="+name, func(body string) bool { return strings.Contains(body, `"frame"`) })
			await(t, s.URL()+"/clocks?channel="+name, func(body string) bool {
				return strings.Contains(body, `"clock":"generator"`) && strings.Contains(body, `"run":`+string(rune('0'+run)))
			})
		}
		await(t, s.URL()+"/faults?channel=b-tr101290", func(body string) bool { return strings.Contains(body, "b-tr101290") })
		await(t, s.URL()+"/metrics", func(body string) bool {
			return strings.Contains(body, `refstream_frames_total{channel="a"}`) && strings.Contains(body, `refstream_frames_total{channel="b"}`)
		})
		for _, path := range []string{"/clocks?channel=c", "/markers?channel=a-tr101290", "/hls/c/master.m3u8", "/live/c.ts"} {
			if status, body := get(t, s.URL()+path); status != http.StatusNotFound {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if infos := s.Infos(); len(infos) != 2 || infos[0].Channel.Name != "a" || infos[1].Twins[0] != "b-tr101290" {
			t.Errorf("%+v", infos)
		}
		stop()
	}
}

// TestChannelsThatCannotBe: an error names the channel and says what to do, and nothing is left open.
func TestChannelsThatCannotBe(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*server.Config){
		"channel a: --channel: there are two named a": func(c *server.Config) { c.Channels[1].Stream.Name = "a" },
		"channel a: --scenario: there are two named a-tr101290": func(c *server.Config) {
			c.Channels[0].Scenarios, c.Channels[1].Stream.Name = []string{"tr101290"}, "a-tr101290"
		},
		"channel b: size 7x90":       func(c *server.Config) { c.Channels[1].Stream.Width = 7 },
		"channel b: --push":          func(c *server.Config) { c.Channels[1].Outputs.Push = []string{"nowhere"} },
		"channel b: --listen-ts":     func(c *server.Config) { c.Channels[1].Outputs.ListenTS = "127.0.0.1:-1" },
		"channel b: --event-length:": func(c *server.Config) { c.Channels[1].Stream.EventLength = -1 },
	} {
		c := several(t.TempDir(), "a", "b")
		change(&c)
		s, err := server.New(t.Context(), c)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if err == nil {
			t.Fatal(s)
		}
	}
}
