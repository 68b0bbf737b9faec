package hlsclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/pause"
)

// slidingOrigin has a live window of five segments of 2 s, one more each 2 s from 4 on, up to an end; those that left it
// five segments ago are gone. fault may answer for one itself, with 0 for none of its own.
func slidingOrigin(end int, fault func(n int, at time.Duration) int) func(string, time.Duration) (int, string) {
	return func(path string, at time.Duration) (int, string) {
		last := min(4+int(at/(2*time.Second)), end)
		if path == "live.m3u8" {
			more := ""
			if last == end {
				more = "#EXT-X-ENDLIST\n"
			}
			return 200, window(last-4, last, more)
		}
		var n int
		if _, err := fmt.Sscanf(path, "%d.ts", &n); err != nil || n < last-9 {
			return 404, "gone"
		}
		if status := fault(n, at); status != 0 {
			return status, ""
		}
		return segmentBody(path)
	}
}

// numbers writes down the segments: those that came, and those that didn't with a !.
func (h *heard) numbers() string {
	var list []string
	for _, s := range h.segments {
		text := fmt.Sprint(s.MSN)
		if s.Err != nil {
			text += "!"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func numbersTo(end int, missing ...int) string {
	var list []string
	for n := range end + 1 {
		text := fmt.Sprint(n)
		if slices.Contains(missing, n) {
			text += "!"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// TestOvertaking reads a live stream on, of which one segment hangs, or many are missing: the others come all the same.
func TestOvertaking(t *testing.T) {
	t.Parallel()
	missing := []int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29}
	for name, c := range map[string]struct {
		fault   func(n int, at time.Duration) int
		missing []int
	}{
		"one hangs": {func(n int, _ time.Duration) int {
			if n == 10 {
				return -1
			}
			return 0
		}, []int{10}},
		"many are missing": {func(n int, _ time.Duration) int {
			if slices.Contains(missing, n) {
				return 404
			}
			return 0
		}, missing},
		"nothing comes for 30 s": {func(_ int, at time.Duration) int {
			if at > 20*time.Second && at < 50*time.Second {
				return -1
			}
			return 0
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, slidingOrigin(60, c.fault), func(t *testing.T, client *Client, o *origin) {
				client.Behind, client.Parallel = -1, 8
				h := &heard{}
				if err := client.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil {
					t.Fatal(err)
				}
				if c.missing != nil && h.numbers() != numbersTo(60, c.missing...) {
					t.Errorf("segments %s", h.numbers())
				}
				// Those that were asked for meanwhile left the playlist before they were given up.
				if lost := strings.Count(h.numbers(), "!"); c.missing == nil && (lost > 15 || !strings.HasSuffix(h.numbers(), " 29"+numbersTo(60)[len(numbersTo(29)):])) {
					t.Errorf("segments %s", h.numbers())
				}
				for i, s := range h.segments {
					if s.MSN != int64(i) || s.Err == nil && string(s.Data) != fmt.Sprint(i) || s.Exchange == nil {
						t.Errorf("segment %d: %+v", i, s)
					}
				}
				// One that has left the playlist is not asked for again: 10 has after 10 s, when the first attempt ends.
				if got := o.requests("10.ts"); name == "one hangs" && got != "12s" {
					t.Errorf("asked for at %s", got)
				}
			})
		})
	}
}

// busyOrigin counts the segments that are asked for at once, each of which takes a while.
type busyOrigin struct {
	*origin
	takes time.Duration

	mu        sync.Mutex
	now, most int
}

// RoundTrip answers after a while.
func (o *busyOrigin) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, ".ts") {
		o.count(1)
		defer o.count(-1)
		if err := pause.For(r.Context(), o.takes); err != nil {
			return nil, err
		}
	}
	return o.origin.RoundTrip(r)
}

func (o *busyOrigin) count(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now += n
	o.most = max(o.most, o.now)
}

// TestOneAtATime asks for one segment at a time where they come fast enough, and for no more than Parallel where not.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		takes          time.Duration // of 2 s
		parallel, most int
	}{{time.Second, 8, 1}, {1900 * time.Millisecond, 0, 1}, {3 * time.Second, 8, 2}, {9 * time.Second, 0, 3}, {9 * time.Second, 1, 1}} {
		inTime(t, func(path string, _ time.Duration) (int, string) {
			if path == "vod.m3u8" {
				return 200, window(0, 19, "#EXT-X-ENDLIST\n")
			}
			return segmentBody(path)
		}, func(t *testing.T, client *Client, o *origin) {
			busy := &busyOrigin{origin: o, takes: c.takes}
			client.HTTP, client.Parallel = &http.Client{Transport: busy}, c.parallel
			h := &heard{}
			if err := client.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
				t.Fatal(err)
			}
			if busy.most != c.most || h.numbers() != numbersTo(19) {
				t.Errorf("%v each, Parallel %d: %d at once, segments %s", c.takes, c.parallel, busy.most, h.numbers())
			}
		})
	}
}

// drippingOrigin has one segment that comes so slowly that it never ends.
type drippingOrigin struct{ *origin }

// RoundTrip answers.
func (o drippingOrigin) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.origin.RoundTrip(r)
	if err == nil && r.URL.Path == "/10.ts" {
		resp.Body, resp.ContentLength = &slowBody{r.Context(), 1 << 30, 9 * time.Second}, -1
	}
	return resp, err
}

// TestHeldUp keeps no more in memory than it should for one that comes too slowly, which is given up then.
func TestHeldUp(t *testing.T) {
	t.Parallel()
	inTime(t, slidingOrigin(60, func(int, time.Duration) int { return 0 }), func(t *testing.T, c *Client, o *origin) {
		const most = 20 * heldBesides
		c.HTTP, c.Behind = &http.Client{Transport: drippingOrigin{o}}, -1
		h := &heard{}
		r, err := c.newReading(t.Context(), "http://o/live.m3u8", h.handler())
		if err != nil {
			t.Fatal(err)
		}
		r.maxHeld = most
		var held int64
		r.h.Exchange = func(e *Exchange) error {
			held = max(held, r.held.Load())
			return h.handler().Exchange(e)
		}
		if err := r.run(); err != nil {
			t.Fatal(err)
		}
		if h.numbers() != numbersTo(60, 10) || !errors.Is(h.segments[10].Err, errHeldUp) || h.segments[10].Exchange.Err == nil {
			t.Errorf("segments %s, %v", h.numbers(), h.segments[10].Err)
		}
		if held < most/2 || held > most+heldBesides || r.held.Load() != 0 {
			t.Errorf("%d bytes were held, %d in the end", held, r.held.Load())
		}
	})
}

// TestEndedEarly tells at the end what waits for a segment that hangs, and what was missed for good.
func TestEndedEarly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		parallel int
		hangs    func(n int) bool
		want     string
	}{
		"one hangs": {0, func(n int) bool { return n == 10 }, "0 1 2 3 4 5 6 7 8 9 11 12 13 14"},
		// 3 is asked for until 10.5 s, 5 is the first in the playlist then, and 10 from 21 s on.
		"all hang": {1, func(n int) bool { return n > 2 }, "0 1 2 3! 4! 5! 6! 7! 8! 9!"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, slidingOrigin(60, func(n int, _ time.Duration) int {
				if c.hangs(n) {
					return -1
				}
				return 0
			}), func(t *testing.T, client *Client, o *origin) {
				client.Behind, client.Parallel = -1, c.parallel
				client.Timeout = 10500 * time.Millisecond // it never ends when a playlist comes
				h := &heard{}
				err := client.Run(within(t, 21700*time.Millisecond), "http://o/live.m3u8", h.handler())
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				if h.numbers() != c.want {
					t.Errorf("segments %s, requests %q", h.numbers(), o.log)
				}
				for _, s := range h.segments {
					asked := o.requests(fmt.Sprintf("%d.ts", s.MSN)) != ""
					if s.Err != nil && errors.Is(s.Err, ErrNotAsked) == asked {
						t.Errorf("segment %d: asked for %v, %v", s.MSN, asked, s.Err)
					}
				}
			})
		})
	}
}

// TestTellFails ends with the handler's error also where it is told the rest.
func TestTellFails(t *testing.T) {
	t.Parallel()
	mine := errors.New("enough")
	inTime(t, slidingOrigin(60, func(n int, _ time.Duration) int {
		if n == 10 {
			return -1
		}
		return 0
	}), func(t *testing.T, c *Client, _ *origin) {
		err := c.Run(within(t, 21*time.Second), "http://o/live.m3u8", Handler{Segment: func(s *Segment) error {
			if s.MSN > 10 {
				return mine
			}
			return nil
		}})
		if !errors.Is(err, mine) {
			t.Error(err)
		}
	})
}
