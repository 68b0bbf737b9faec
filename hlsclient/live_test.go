package hlsclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/internal/pause"
)

// liveOrigin has a window of five segments, of which one comes every 2 s, from 10 on; and an end.
func liveOrigin(end int) func(string, time.Duration) (int, string) {
	return func(path string, at time.Duration) (int, string) {
		if path != "live.m3u8" {
			return segmentBody(path)
		}
		last := 10 + int(at/(2*time.Second))
		if last >= end {
			return 200, window(end-4, end, "#EXT-X-ENDLIST\n")
		}
		return 200, window(last-4, last)
	}
}

// TestLive follows a playlist: each segment once, from three target durations before its end, asked for when it is due.
func TestLive(t *testing.T) {
	t.Parallel()
	inTime(t, liveOrigin(14), func(t *testing.T, c *Client, o *origin) {
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if got := h.told(); got != "8:8 9:9 10:10 11:11 12:12 13:13 14:14" {
			t.Errorf("segments %s", got)
		}
		// After each change a target duration passes.
		if got := o.requests("live.m3u8"); got != "0s 2s 4s 6s 8s" {
			t.Errorf("the playlist was asked for at %s", got)
		}
		for i, v := range h.versions {
			if !v.Changed || v.Stale || v.Restarted || v.Missed > 0 || v.Number != int64(i) || v.Stream.URL != "http://o/live.m3u8" ||
				string(v.Exchange.Body) == "" || v.Exchange.Status != 200 || v.Exchange.Header.Get("Via") != "test" {
				t.Errorf("version %d: %+v", i, v)
			}
		}
		if len(h.exchanges) != 5+7 || len(h.troubles) > 0 {
			t.Errorf("%d exchanges, %d troubles", len(h.exchanges), len(h.troubles))
		}
	})
}

// TestReloads asks for a playlist again after half of the target duration where it has not changed (RFC 8216bis, 6.3.4),
// counted from when the last answer was asked for.
func TestReloads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reload time.Duration
		want   string
	}{
		"by the standard": {0, "0s 2s 3s 4s 6s 7s 8s"},
		"every 1.5 s":     {1500 * time.Millisecond, "0s 1.5s 3s 4.5s 6s 7.5s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(path string, at time.Duration) (int, string) {
				if path == "live.m3u8" {
					return 200, window(0, int(at/(4*time.Second)))
				}
				return segmentBody(path)
			}, func(t *testing.T, client *Client, o *origin) {
				if c.reload > 0 {
					client.Reload = func(*m3u8.Media, bool) time.Duration { return c.reload }
				}
				err := client.Run(within(t, 8500*time.Millisecond), "http://o/live.m3u8", Handler{})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				if got := o.requests("live.m3u8"); got != c.want {
					t.Errorf("asked for at %s, want %s", got, c.want)
				}
			})
		})
	}
}

// TestBehind begins where it is told to.
func TestBehind(t *testing.T) {
	t.Parallel()
	for behind, want := range map[time.Duration]string{
		-1: "0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9", 0: "7:7 8:8 9:9", 1: "9:9", 2 * time.Second: "9:9",
		3 * time.Second: "8:8 9:9", time.Hour: "0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9",
	} {
		inTime(t, func(path string, at time.Duration) (int, string) {
			if path != "live.m3u8" {
				return segmentBody(path)
			}
			if at > 0 {
				return 200, window(0, 9, "#EXT-X-ENDLIST\n")
			}
			return 200, window(0, 9)
		}, func(t *testing.T, c *Client, _ *origin) {
			c.Behind = behind
			h := &heard{}
			if err := c.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil || h.told() != want {
				t.Errorf("%v behind: %s, %v; want %s", behind, h.told(), err, want)
			}
		})
	}
}

// TestVersions follows playlists that do not simply go on.
func TestVersions(t *testing.T) {
	t.Parallel()
	const end = "#EXT-X-ENDLIST\n"
	renamed := strings.NewReplacer(".ts", ".ts?new")
	for name, c := range map[string]struct {
		versions []string
		segments string
		marks    string // of each version: c changed, s stale, r restarted, and how many were missed
	}{
		"nothing new": {[]string{window(0, 2), window(0, 2), window(0, 2, end)}, "0:0 1:1 2:2", "c - c"},
		"missed":      {[]string{window(0, 2), window(5, 6, end)}, "0:0 1:1 2:2 5:5 6:6", "c c2"},
		"old one":     {[]string{window(0, 2), window(1, 3), window(0, 2), window(1, 3), window(2, 4, end)}, "0:0 1:1 2:2 3:3 4:4", "c c cs c c"},
		"far older": {[]string{window(0, 2), window(3, 5), window(6, 8), window(0, 2), window(6, 9, end)},
			"0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9", "c c c cs c"},
		"numbered anew": {[]string{window(90, 92), window(0, 1), window(0, 2, end)}, "90:90 91:91 92:92 0:0 1:1 2:2", "c cr c"},
		"same numbers, other segments": {[]string{window(0, 2), strings.ReplaceAll(window(0, 2, end), ".ts", "b.ts")},
			"0:0 1:1 2:2 0:0b 1:1b 2:2b", "c cr"},
		"other queries": {[]string{window(0, 2), renamed.Replace(window(1, 3, end))}, "0:0 1:1 2:2 3:3", "c c"},
		"no numbers": {[]string{
			strings.ReplaceAll(window(0, 2), "MEDIA-SEQUENCE", "X"), strings.ReplaceAll(window(1, 3), "MEDIA-SEQUENCE", "X"),
			strings.ReplaceAll(window(2, 5, end), "MEDIA-SEQUENCE", "X"),
		}, "0:0 1:1 2:2 2:3 2:4 3:5", "c cr cr"},
		"empty at first": {[]string{window(7, 6), window(7, 7), window(7, 8, end)}, "7:7 8:8", "c c c"},
		"shorter":        {[]string{window(0, 3), window(0, 2), window(2, 4, end)}, "1:1 2:2 3:3 4:4", "c cs c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loads := 0
			inTime(t, func(path string, _ time.Duration) (int, string) {
				if path == "live.m3u8" {
					loads++
					return 200, c.versions[loads-1]
				}
				return segmentBody(path)
			}, func(t *testing.T, client *Client, _ *origin) {
				h := &heard{}
				if err := client.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil {
					t.Fatal(err)
				}
				if h.told() != c.segments {
					t.Errorf("segments %s, want %s", h.told(), c.segments)
				}
				var marks []string
				for _, v := range h.versions {
					mark := ""
					for _, m := range []struct {
						set  bool
						text string
					}{{v.Changed, "c"}, {v.Stale, "s"}, {v.Restarted, "r"}, {v.Missed > 0, fmt.Sprint(v.Missed)}} {
						if m.set {
							mark += m.text
						}
					}
					if mark == "" {
						mark = "-"
					}
					marks = append(marks, mark)
				}
				if got := strings.Join(marks, " "); got != c.marks {
					t.Errorf("versions %s, want %s", got, c.marks)
				}
			})
		})
	}
}

// TestPlaylistUnavailable goes on when a playlist that was there can't be had, and tells each time.
func TestPlaylistUnavailable(t *testing.T) {
	t.Parallel()
	answer := func(path string, at time.Duration) (int, string) {
		if path != "live.m3u8" {
			return segmentBody(path)
		}
		switch {
		case at < 2*time.Second:
			return 200, window(0, 2)
		case at < 4*time.Second:
			return 503, "busy"
		case at < 6*time.Second:
			return 404, ""
		case at < 8*time.Second:
			return 200, "<html>"
		}
		return 200, window(0, 4, "#EXT-X-ENDLIST\n")
	}
	inTime(t, answer, func(t *testing.T, c *Client, o *origin) {
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if h.told() != "0:0 1:1 2:2 3:3 4:4" {
			t.Errorf("segments %s", h.told())
		}
		// 250 ms after the first failure, then twice as long each time.
		if got := o.requests("live.m3u8"); got != "0s 2s 2.25s 2.75s 3.75s 5.75s 9.75s" {
			t.Errorf("asked for at %s", got)
		}
		var statuses []int
		for _, trouble := range h.troubles {
			var r *RequestError
			if errors.As(trouble.Err, &r) {
				statuses = append(statuses, r.Status)
			} else {
				t.Errorf("trouble: %v", trouble.Err)
			}
		}
		if !slices.Equal(statuses, []int{503, 503, 503, 503, 404}) {
			t.Errorf("statuses %v", statuses)
		}
		if e := h.exchanges[slices.IndexFunc(h.exchanges, func(e *Exchange) bool { return e.Err != nil })]; string(e.Body) != "busy" ||
			e.Status != 503 || e.Err.Error() != "fetch http://o/live.m3u8: 503 Service Unavailable" {
			t.Errorf("%+v", e)
		}
	})
	// With GiveUp it has an end, which says why.
	inTime(t, answer, func(t *testing.T, c *Client, _ *origin) {
		c.GiveUp = 3 * time.Second
		h := &heard{}
		err := c.Run(t.Context(), "http://o/live.m3u8", h.handler())
		var r *RequestError
		if !errors.As(err, &r) || r.Status != 404 || h.told() != "0:0 1:1 2:2" {
			t.Errorf("%s, %v", h.told(), err)
		}
	})
}

// TestFirstPlaylist is an error where there is none, after some attempts where that may help.
func TestFirstPlaylist(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status   int
		body     string
		want     string
		attempts int
	}{
		"missing":     {404, "", "404 Not Found", 4},
		"forbidden":   {403, "", "403 Forbidden", 1},
		"broken":      {500, "", "500 Internal", 4},
		"silent":      {-1, "", "nothing was received for too long (10s)", 4},
		"no playlist": {200, "<html>", `it is "<html>", not #EXTM3U`, 1},
		"partial":     {206, window(0, 1), "206 Partial", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(string, time.Duration) (int, string) { return c.status, c.body }, func(t *testing.T, client *Client, o *origin) {
				err := client.Run(t.Context(), "http://u:secret@o/live.m3u8", Handler{})
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || len(o.log) != c.attempts {
					t.Errorf("%v after %v", err, o.log)
				}
			})
		})
	}
}

// TestSegmentUnavailable leaves a segment out that can't be had, and asks for one that comes late again.
func TestSegmentUnavailable(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, at time.Duration) (int, string) {
		switch {
		case path == "vod.m3u8":
			return 200, window(0, 5, "#EXT-X-ENDLIST\n")
		case path == "1.ts":
			return 404, "no"
		case path == "2.ts" && at < 1500*time.Millisecond:
			return 500, ""
		case path == "3.ts":
			return 410, ""
		case path == "4.ts":
			return -1, ""
		}
		return segmentBody(path)
	}, func(t *testing.T, c *Client, o *origin) {
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if h.told() != "0:0 1! 2:2 3! 4! 5:5" {
			t.Errorf("segments %s", h.told())
		}
		for msn, status := range map[int]int{1: 404, 3: 410, 4: 0} {
			var r *RequestError
			if s := h.segments[msn]; !errors.As(s.Err, &r) || r.Status != status || s.Exchange == nil || s.Data != nil {
				t.Errorf("segment %d: %v", msn, s.Err)
			}
		}
		if got := o.requests("1.ts"); got != "0s 250ms 750ms 1.75s" {
			t.Errorf("a missing one was asked for at %s", got)
		}
		if got := o.requests("3.ts"); strings.Contains(got, " ") {
			t.Errorf("one that is gone was asked for at %s", got)
		}
	})
}

// TestHandlerFails ends with the handler's error, whichever function has it.
func TestHandlerFails(t *testing.T) {
	t.Parallel()
	mine := errors.New("enough")
	for name, h := range map[string]Handler{
		"exchange": {Exchange: func(*Exchange) error { return mine }},
		"version":  {Version: func(*Version) error { return mine }},
		"segment":  {Segment: func(*Segment) error { return mine }},
		"trouble":  {Trouble: func(*Trouble) error { return mine }},
	} {
		inTime(t, func(path string, at time.Duration) (int, string) {
			if path == "live.m3u8" && at > time.Second {
				return 500, ""
			}
			return liveOrigin(1000)(path, at)
		}, func(t *testing.T, c *Client, _ *origin) {
			if err := c.Run(t.Context(), "http://o/live.m3u8", h); !errors.Is(err, mine) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// slowBody brings a byte each time that it is read, after a while, and then nothing any more.
type slowBody struct {
	ctx   context.Context
	left  int
	every time.Duration
}

// Read waits.
func (s *slowBody) Read(b []byte) (int, error) {
	every := s.every
	if s.left == 0 {
		every = time.Hour
	}
	if err := pause.For(s.ctx, every); err != nil {
		return 0, err
	}
	s.left--
	b[0] = 'x'
	return 1, nil
}

func (s *slowBody) Close() error { return nil }

// slowOrigin answers with slow bodies, but for the playlist.
type slowOrigin struct{ *origin }

func (o slowOrigin) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.origin.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, ".ts") {
		resp.Body, resp.ContentLength = &slowBody{r.Context(), 5, 9 * time.Second}, 100
	}
	return resp, err
}

// TestSlowBody waits for what comes slowly, and gives up what comes no more; what came by then is in the Exchange.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	inTime(t, func(string, time.Duration) (int, string) { return 200, window(0, 0, "#EXT-X-ENDLIST\n") },
		func(t *testing.T, c *Client, o *origin) {
			c.HTTP, c.Attempts = &http.Client{Transport: slowOrigin{o}}, 1
			h := &heard{}
			if err := c.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
				t.Fatal(err)
			}
			s := h.segments[0]
			if s.Err == nil || !strings.Contains(s.Err.Error(), "nothing was received for too long") || string(s.Exchange.Body) != "xxxxx" ||
				s.Exchange.Ended.Sub(s.Exchange.Began) != 55*time.Second {
				t.Errorf("%v, %q after %v", s.Err, s.Exchange.Body, s.Exchange.Ended.Sub(s.Exchange.Began))
			}
		})
}

// TestSlowSegments goes on loading the playlist while segments come late, and loses none of its versions.
func TestSlowSegments(t *testing.T) {
	t.Parallel()
	inTime(t, liveOrigin(20), func(t *testing.T, c *Client, o *origin) {
		c.HTTP = &http.Client{Transport: slowOrigin{o}}
		h := &heard{}
		if err := c.Run(within(t, 50*time.Second), "http://o/live.m3u8", h.handler()); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if len(h.versions) != 11 {
			t.Errorf("%d versions", len(h.versions))
		}
	})
}
