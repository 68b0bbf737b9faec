package hlsclient

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// variants writes a multivariant playlist, a line each with its bandwidth.
func variants(uris ...string) string {
	var b strings.Builder
	b.WriteString("#EXTM3U\n")
	for i, uri := range uris {
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d\n%s\n", i+1, uri)
	}
	return b.String()
}

// liveUntil is a playlist of 2 s segments, one more each 2 s, that ends at a time.
func liveUntil(end, at time.Duration) string {
	n := int(min(at, end) / (2 * time.Second))
	if at >= end {
		return window(max(0, n-5), n, "#EXT-X-ENDLIST\n")
	}
	return window(max(0, n-5), n)
}

// TestFirstLoadingRetried asks for a variant's playlist again that did not come at first, as long as another one lives.
func TestFirstLoadingRetried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"missing": {404, ""}, "forbidden": {403, ""}, "no playlist": {200, "<html>"}, "variants": {200, variants("a/i.m3u8")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(path string, at time.Duration) (int, string) {
				switch path {
				case "m.m3u8":
					return 200, variants("a/i.m3u8", "b/i.m3u8", "c/i.m3u8")
				case "a/i.m3u8":
					return 200, liveUntil(30*time.Second, at)
				case "b/i.m3u8":
					if at >= 12*time.Second {
						return 200, liveUntil(40*time.Second, at)
					}
					return c.status, c.body
				case "c/i.m3u8":
					return c.status, c.body
				}
				return 200, path
			}, func(t *testing.T, client *Client, o *origin) {
				client.Choose, client.Behind = AllVariants, -1
				h := &heard{}
				if err := client.Run(t.Context(), "http://o/m.m3u8", h.handler()); err != nil {
					t.Fatal(err)
				}
				last := map[int]int64{}
				for _, s := range h.segments {
					last[s.Stream.Number] = s.MSN
				}
				if last[0] != 15 || last[1] != 20 || len(last) != 2 {
					t.Errorf("the last segments are %v", last)
				}
				// Not more often than every 5 s, in the end.
				if n := len(strings.Fields(o.requests("c/i.m3u8"))); n < 10 || n > 16 {
					t.Errorf("one that never comes was asked for at %s", o.requests("c/i.m3u8"))
				}
				for i, tr := range h.troubles {
					if tr.Stream == nil || tr.Stream.Number == 0 {
						t.Errorf("trouble %d: %+v", i, tr)
					}
				}
				attempt := 0
				for _, e := range h.exchanges {
					if e.Stream != nil && e.Stream.Number == 2 {
						if attempt++; e.Attempt != attempt {
							t.Errorf("attempt %d is %d", attempt, e.Attempt)
						}
					}
				}
				// It ends with the last that lives, not only after a pause.
				if end := time.Since(o.start); end > 43*time.Second {
					t.Errorf("it ended after %v", end)
				}
			})
		})
	}
}

// TestNoneComes is an error after the attempts; so it is when the last that lived is given up.
func TestNoneComes(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, at time.Duration) (int, string) {
		switch {
		case path == "m.m3u8":
			return 200, variants("a.m3u8", "b.m3u8")
		case path == "a.m3u8" && at > 10*time.Second:
			return 200, liveUntil(time.Minute, at) // too late
		}
		return 404, ""
	}, func(t *testing.T, c *Client, o *origin) {
		c.Choose = AllVariants
		var r *RequestError
		err := c.Run(t.Context(), "http://o/m.m3u8", Handler{})
		if !errors.As(err, &r) || r.Status != 404 || strings.Count(err.Error(), "404") != 2 || time.Since(o.start) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(o.start))
		}
	})
	inTime(t, func(path string, at time.Duration) (int, string) {
		switch {
		case path == "m.m3u8":
			return 200, variants("a.m3u8", "b.m3u8")
		case path == "a.m3u8" && at < 10*time.Second:
			return 200, liveUntil(time.Minute, at)
		case strings.HasSuffix(path, "m3u8"):
			return 500, ""
		}
		return 200, ""
	}, func(t *testing.T, c *Client, _ *origin) {
		c.Choose, c.GiveUp = AllVariants, 5*time.Second
		var r *RequestError
		if err := c.Run(t.Context(), "http://o/m.m3u8", Handler{}); !errors.As(err, &r) || r.Status != 500 {
			t.Error(err)
		}
	})
}

// TestReloadMultivariant follows a multivariant playlist: streams that appear are read, and those that vanish go on.
func TestReloadMultivariant(t *testing.T) {
	t.Parallel()
	const s = time.Second
	inTime(t, func(path string, at time.Duration) (int, string) {
		switch {
		case path == "m.m3u8" && at < 10*s:
			return 200, variants("a/i.m3u8", "b/i.m3u8?t=1")
		case path == "m.m3u8" && at < 15*s:
			return 502, "gone for a moment"
		case path == "m.m3u8":
			return 200, variants("http://o/c/i.m3u8", "b/i.m3u8?t=2", "://", "a/i.m3u8?x=1")
		case strings.Contains(path, "i.m3u8"):
			return 200, liveUntil(60*s, at)
		}
		return 200, path
	}, func(t *testing.T, c *Client, o *origin) {
		c.Choose, c.ReloadMultivariant = Everything, 4*s
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/m.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		// The failures at 12 s are repeated after 250 ms, 500 ms, 1 s, and so on; afterwards each 4 s again.
		got := o.requests("m.m3u8")
		if !strings.HasPrefix(got, "0s 4s 8s 12s 12.25s 12.75s 13.75s 15.75s 19.75s 23.75s ") || strings.HasSuffix(got, " 1m3.75s") {
			t.Errorf("asked for at %s", got)
		}
		urls := map[int]string{}
		last := map[int]int64{}
		for _, seg := range h.segments {
			urls[seg.Stream.Number], last[seg.Stream.Number] = seg.Stream.URL, max(last[seg.Stream.Number], seg.MSN)
		}
		want := []string{"http://o/a/i.m3u8", "http://o/b/i.m3u8?t=1", "http://o/c/i.m3u8", "", "http://o/a/i.m3u8?x=1"}
		for n, url := range want {
			if urls[n] != url || url != "" && last[n] != 30 {
				t.Errorf("stream %d is %q and ends with %d", n, urls[n], last[n])
			}
		}
		var changed []int
		for i, v := range slices.DeleteFunc(slices.Clone(h.versions), func(v *Version) bool { return v.Stream != nil }) {
			if v.Number != int64(i) || v.Playlist.Multivariant == nil {
				t.Errorf("version %d: %+v", i, v)
			}
			if v.Changed {
				changed = append(changed, i)
			}
		}
		if !slices.Equal(changed, []int{0, 3}) {
			t.Errorf("changed are %v", changed)
		}
		var unusable, failed int
		for _, tr := range h.troubles {
			switch {
			case tr.Stream == nil:
				failed++
			case tr.Stream.Number == 3:
				unusable++
			default:
				t.Errorf("trouble %+v", tr)
			}
		}
		if unusable != 1 || failed != 4 {
			t.Errorf("%d and %d troubles", unusable, failed)
		}
	})
}

// TestUnchangedIsNotParsed takes what was read of the last loading where the text is the same.
func TestUnchangedIsNotParsed(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, at time.Duration) (int, string) {
		if path == "live.m3u8" {
			return 200, liveUntil(20*time.Second, at)
		}
		return segmentBody(path)
	}, func(t *testing.T, c *Client, _ *origin) {
		c.Reload = func(m *m3u8.Media, _ bool) time.Duration { return time.Duration(m.TargetDuration) / 8 }
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if len(h.versions) != 81 {
			t.Errorf("%d versions", len(h.versions))
		}
		for i, v := range h.versions[1:] {
			if last := h.versions[i]; v.Changed == (v.Playlist == last.Playlist) || v.Exchange == last.Exchange {
				t.Errorf("version %d: changed %v", i+1, v.Changed)
			}
		}
	})
	// The variables of a query count.
	inTime(t, func(path string, _ time.Duration) (int, string) {
		if strings.HasPrefix(path, "live.m3u8") {
			return 200, window(0, 0, "#EXT-X-DEFINE:QUERYPARAM=\"n\"\n#EXTINF:2,\n{$n}.ts\n")
		}
		return segmentBody(path)
	}, func(t *testing.T, c *Client, o *origin) {
		c.HTTP.Transport = &renaming{origin: o}
		h := &heard{}
		_ = c.Run(within(t, 5*time.Second), "http://o/live.m3u8", h.handler())
		for i, v := range h.versions {
			if uri := v.Playlist.Media.Segments[1].URI; uri != fmt.Sprintf("%d.ts", i+1) {
				t.Errorf("version %d: %s", i, uri)
			}
		}
	})
}

// renaming answers as if it had redirected each loading of a playlist to another query.
type renaming struct {
	*origin
	mu sync.Mutex
	n  int
}

// RoundTrip answers.
func (r *renaming) RoundTrip(q *http.Request) (*http.Response, error) {
	resp, err := r.origin.RoundTrip(q)
	if err == nil && strings.HasSuffix(q.URL.Path, ".m3u8") {
		r.mu.Lock()
		r.n++
		to := *q.URL
		to.RawQuery = fmt.Sprintf("n=%d", r.n)
		r.mu.Unlock()
		moved := *q
		moved.URL = &to
		resp.Request = &moved
	}
	return resp, err
}

// TestReloadAfterFailure repeats a loading that failed no later than Reload says.
func TestReloadAfterFailure(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, at time.Duration) (int, string) {
		switch {
		case path != "live.m3u8":
			return segmentBody(path)
		case at > time.Second && at < 5*time.Second:
			return 404, ""
		}
		return 200, liveUntil(6*time.Second, at)
	}, func(t *testing.T, c *Client, o *origin) {
		c.Reload = func(*m3u8.Media, bool) time.Duration { return time.Second }
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if got := o.requests("live.m3u8"); got != "0s 1s 2s 2.25s 2.75s 3.75s 4.75s 5.75s 6.75s" {
			t.Errorf("asked for at %s", got)
		}
		if h.told() != "0:0 1:1 2:2 3:3" || len(h.troubles) != 5 {
			t.Errorf("segments %s, %d troubles", h.told(), len(h.troubles))
		}
	})
}

// TestWithoutWhatItNeeds asks for a segment whose initialization section can't be had, and for keys of other methods.
func TestWithoutWhatItNeeds(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, _ time.Duration) (int, string) {
		switch path {
		case "vod.m3u8":
			return 200, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"init\"\n#EXTINF:2,\n0.m4s\n" +
				"#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\"\n#EXTINF:2,\n1.m4s\n#EXT-X-ENDLIST\n"
		case "init":
			return 410, ""
		case "key":
			return 200, "0123456789abcdef"
		}
		return 200, path
	}, func(t *testing.T, c *Client, o *origin) {
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		for i, s := range h.segments {
			var r *RequestError
			if !errors.As(s.Err, &r) || r.Status != 410 || s.Data != nil || s.Exchange == nil || string(s.Exchange.Body) != fmt.Sprintf("%d.m4s", i) {
				t.Errorf("segment %d: %v", i, s.Err)
			}
		}
	})
	inTime(t, func(path string, _ time.Duration) (int, string) {
		if path == "vod.m3u8" {
			return 200, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\"\n#EXTINF:2,\n0.ts\n#EXTINF:2,\n1.ts\n#EXT-X-ENDLIST\n"
		}
		return 200, "0123456789abcdef"
	}, func(t *testing.T, c *Client, o *origin) {
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if h.told() != "0! 1!" || !errors.Is(h.segments[0].Err, ErrMethod) || o.requests("key") != "0s" {
			t.Errorf("%s, the key was asked for at %s", h.told(), o.requests("key"))
		}
	})
}
