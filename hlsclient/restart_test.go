package hlsclient

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// dated is window with the date and time of its first segment, as it is where number 0 is at a second of some day.
func dated(second, first, last int, more ...string) string {
	at := time.Date(2026, 1, 2, 3, 0, second+2*first, 0, time.UTC).Format(time.RFC3339)
	return strings.Replace(window(first, last, more...), "#EXTINF", "#EXT-X-PROGRAM-DATE-TIME:"+at+"\n#EXTINF", 1)
}

// TestStartedAnew reads streams whose packager was started anew: the same names and numbers from 0 on. A copy that lags
// behind is none.
func TestStartedAnew(t *testing.T) {
	t.Parallel()
	const end = "#EXT-X-ENDLIST\n"
	before := []string{window(0, 2), window(3, 5), window(6, 8)}
	const told = "0 1 2 3 4 5 6 7 8"
	for name, c := range map[string]struct {
		versions []string
		segments string
		marks    string // of each version: s stale, r restarted, - neither
	}{
		"goes on by itself": {append(slices.Clone(before), window(0, 0), window(0, 1), window(0, 2), window(0, 3, end)),
			told + " 0 1 2 3", "---ssr-"},
		"other lines between": {append(slices.Clone(before), window(0, 0), window(0, 0, "#x\n"), window(0, 1), window(0, 2, end)),
			told + " 0 1 2", "---sssr"},
		"begins anew twice": {append(slices.Clone(before), window(0, 0), window(0, 1), window(0, 0), window(0, 1), window(0, 2, end)),
			told + " 0 1 2", "---ssssr"},
		"near": {[]string{window(0, 4), window(0, 0), window(0, 1), window(0, 2), window(0, 3), window(0, 5, end)},
			"0 1 2 3 4 0 1 2 3 4 5", "-sssr-"},
		"alternates": {append(slices.Clone(before), window(0, 2), window(6, 9), window(1, 3), window(6, 10), window(2, 4), window(7, 11, end)),
			told + " 9 10 11", "---s-s-s-"},
		"lags": {[]string{window(0, 4), window(3, 7), window(1, 5), window(2, 6), window(3, 7), window(4, 8, end)},
			"0 1 2 3 4 5 6 7 8", "--ss--"},
		"other dates":             {[]string{dated(0, 0, 2), dated(0, 1, 3), dated(30, 0, 0), dated(30, 0, 1, end)}, "0 1 2 3 0 1", "--r-"},
		"other dates, further on": {[]string{dated(0, 0, 2), dated(0, 1, 3), dated(30, 0, 4, end)}, "0 1 2 3 0 1 2 3 4", "--r"},
		"the same dates":          {[]string{dated(0, 0, 2), dated(0, 1, 3), dated(0, 0, 2), dated(1, 0, 1), dated(0, 2, 4, end)}, "0 1 2 3 4", "--ss-"},
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
				client.Behind = -1
				h := &heard{}
				if err := client.Run(t.Context(), "http://o/live.m3u8", h.handler()); err != nil {
					t.Fatal(err)
				}
				marks, named := "", 0
				for _, v := range h.versions {
					mark := map[bool]string{v.Stale: "s", v.Restarted: "r"}[true]
					if mark == "" {
						mark = "-"
					}
					marks += mark
					named += len(v.New)
				}
				if h.numbers() != c.segments || marks != c.marks || named != len(h.segments) {
					t.Errorf("segments %s of %d, versions %s; want %s, %s", h.numbers(), named, marks, c.segments, c.marks)
				}
			})
		})
	}
}

// TestTooManyStreams says how many playlists are not read.
func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, at time.Duration) (int, string) {
		if path == "m.m3u8" {
			var uris []string
			for i := range maxStreams + 7 {
				uris = append(uris, fmt.Sprintf("%d.m3u8", i))
			}
			if at > 5*time.Second {
				uris = append(uris, "one_more.m3u8")
			}
			return 200, variants(uris...)
		}
		if path == "0.m3u8" && at < 10*time.Second {
			return 200, window(0, 0)
		}
		return 200, window(0, 0, "#EXT-X-ENDLIST\n")
	}, func(t *testing.T, c *Client, _ *origin) {
		c.Choose, c.ReloadMultivariant = AllVariants, time.Second
		h := &heard{}
		if err := c.Run(t.Context(), "http://u:secret@o/m.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		if len(h.segments) != maxStreams {
			t.Errorf("%d segments", len(h.segments))
		}
		if len(h.troubles) != 2 || h.troubles[0].Stream != nil || !strings.Contains(h.troubles[0].Err.Error(),
			"7 of the playlists that http://u:xxxxx@o/m.m3u8 names are left out") || !strings.Contains(h.troubles[1].Err.Error(), ": 8 of") {
			t.Errorf("%d troubles: %v", len(h.troubles), h.troubles)
		}
	})
}

// TestNoPasswords has none in what goes wrong with what a playlist or an answer names.
func TestNoPasswords(t *testing.T) {
	t.Parallel()
	inTime(t, func(path string, _ time.Duration) (int, string) {
		if path == "vod.m3u8" {
			return 200, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://u:hunter2@o:port/%zz\n#EXTINF:2,\nhttp://u:hunter2@o/gone.ts\n#EXT-X-ENDLIST\n"
		}
		return 404, ""
	}, func(t *testing.T, c *Client, _ *origin) {
		h := &heard{}
		if err := c.Run(t.Context(), "http://o/vod.m3u8", h.handler()); err != nil {
			t.Fatal(err)
		}
		for _, s := range h.segments {
			if s.Err == nil || strings.Contains(s.Err.Error(), "hunter2") || !strings.Contains(s.Err.Error(), "u:xxxxx@o") {
				t.Errorf("%v", s.Err)
			}
		}
	})
}
