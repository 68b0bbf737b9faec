// Package verifytest is test code: what the tests of verify and its packages share.
package verifytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Channel is a small channel with an event every four seconds.
func Channel() markers.Channel {
	return markers.Channel{
		Name: "main", Run: 1, Epoch: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Rate: media.FrameRate{Num: 30, Den: 1},
		FramesPerSegment: 30, PTSOrigin: markers.PTSOrigin, Seed: 7, Width: 160, Height: 90, EventEvery: 120, EventLength: 30,
	}
}

// Truth is the truth about frames 0 to n-1, whose events the schedule gives.
func Truth(t testing.TB, n int64) truth.Truth {
	t.Helper()
	known, err := truth.Seeded(Channel()).Between(t.Context(), 0, n-1)
	if err != nil {
		t.Fatal(err)
	}
	known.Bounded, known.First, known.Last = true, 0, n-1
	known.Frames = map[int64]markers.FrameRecord{}
	clock := Channel().Clock()
	for i := range n {
		known.Frames[i] = markers.FrameRecord{Frame: i, Run: 1, GenNS: clock.UTC(i).UnixNano() + 1_234_567 + i%3*1_000_000}
	}
	for _, m := range known.Markers {
		for i := m.Frame; i <= min(m.LastFrame, n-1); i++ {
			f := known.Frames[i]
			f.Event = m.ID
			known.Frames[i] = f
		}
	}
	return known
}

// Encode renders frames and has ffmpeg encode them; the options stand before the name of the file.
func Encode(t *testing.T, c markers.Channel, name string, first, frames int64, event func(int64) bool, options ...string) string {
	t.Helper()
	r, err := generator.NewRenderer(scenario.Picture(c))
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	buf := make([]byte, r.FrameSize())
	for n := first; n < first+frames; n++ {
		if err := r.Render(buf, n, generator.Look{Event: event(n)}); err != nil {
			t.Fatal(err)
		}
		raw.Write(buf)
	}
	file := filepath.Join(t.TempDir(), name)
	args := append([]string{"-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", c.Width, c.Height),
		"-r", c.Rate.String(), "-i", "pipe:0"}, options...)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(args, file)...)
	cmd.Stdin = &raw
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %q: %v: %s", args, err, out)
	}
	return file
}

// Serve publishes the truth as a refstream server does, in small pages.
func Serve(t *testing.T, truth truth.Truth, page int) *httptest.Server {
	t.Helper()
	answer := func(w http.ResponseWriter, v any) {
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/clocks", func(w http.ResponseWriter, _ *http.Request) { answer(w, Channel()) })
	mux.HandleFunc("/frames", func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
		to, _ := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
		var list []markers.FrameRecord
		n := from
		for ; n <= to && len(list) < page; n++ {
			if f, ok := truth.Frames[n]; ok {
				list = append(list, f)
			}
		}
		answer(w, map[string]any{"frames": list, "missing": truth.Missing, "truncated": n <= to, "next": fmt.Sprintf("frames?from=%d&to=%d", n, to)})
	})
	mux.HandleFunc("/markers", func(w http.ResponseWriter, r *http.Request) {
		after, _ := media.ParseSeconds(r.URL.Query().Get("ts_start"))
		upTo, _ := media.ParseSeconds(r.URL.Query().Get("ts_end"))
		list := []markers.Marker{}
		more := false
		for _, m := range truth.Markers {
			if m.Time > after && m.Time <= upTo {
				if more = len(list) == page; more {
					break
				}
				list = append(list, m)
			}
		}
		v := map[string]any{"markers": list, "truncated": more}
		if more {
			v["next"] = fmt.Sprintf("markers?ts_start=%s&ts_end=%s", list[page-1].Time, upTo)
		}
		answer(w, v)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}
