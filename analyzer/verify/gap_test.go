package verify

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
)

// segments is what segmented copies, which is made once a run.
var segments struct {
	sync.Mutex
	dir string
}

// segmented encodes frames 0 to 149 as a playlist with segments of 30 frames, and returns its path and its truth.
func segmented(t *testing.T) (playlist string, truth truth.Truth) {
	t.Helper()
	const frames = 150
	truth = verifytest.Truth(t, frames)
	segments.Lock()
	defer segments.Unlock()
	if segments.dir == "" {
		pictures := perfect(truth, frames)
		made := verifytest.Encode(t, verifytest.Channel(), "index.m3u8", 0, frames, func(n int64) bool { return pictures[n].Event }, "-c:v", "libx264",
			"-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-f", "hls",
			"-hls_time", "1", "-hls_list_size", "0")
		dir := filepath.Join(clips.dir, "segments")
		if err := os.CopyFS(dir, os.DirFS(filepath.Dir(made))); err != nil {
			t.Fatal(err)
		}
		segments.dir = dir
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(segments.dir)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "index.m3u8"), truth
}

// A segment that can't be had is missing, and what follows keeps its time.
func TestMissingSegment(t *testing.T) {
	t.Parallel()
	playlist, truth := segmented(t)
	if err := os.Remove(filepath.Join(filepath.Dir(playlist), "index2.ts")); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(playlist))))
	defer server.Close()
	for _, url := range []string{playlist, server.URL + "/index.m3u8"} {
		r, err := Run(t.Context(), url, given{verifytest.Channel(), truth}, Options{Now: time.Now})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		i := slices.IndexFunc(r.Findings, func(f report.Finding) bool { return f.Kind == report.Missing })
		if i < 0 || r.Findings[i].Count != 30 || r.Findings[i].Places[0].First != 60 || r.Verdict != report.NotTrue {
			t.Errorf("%s: %+v", url, r.Findings)
		}
		for _, f := range r.Findings {
			if f.Kind == report.ClockStep || f.Kind == report.Trimmed || f.Kind == report.SegmentLength {
				t.Errorf("%s: %s", url, f.Text)
			}
		}
	}
}

// That the connection broke off stands in the report.
func TestBrokenOff(t *testing.T) {
	playlist, truth := segmented(t)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(playlist), "index0.ts"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "video/mp2t")
		w.Header().Set("Content-Length", "99999999") // more than comes
		_, _ = w.Write(data)
	}))
	defer server.Close()
	truth.Bounded = false
	r, err := Run(t.Context(), server.URL+"/live.ts", given{verifytest.Channel(), truth}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "broken off") || !strings.Contains(r.Notes[0], "unexpected EOF") {
		t.Errorf("%q", r.Notes)
	}
}

// A DASH manifest is refused at once: ffmpeg would follow a live one without end.
func TestManifest(t *testing.T) {
	name := filepath.Join(t.TempDir(), "manifest.mpd")
	if err := os.WriteFile(name, []byte(`<?xml version="1.0"?><MPD type="dynamic"/>`), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), name, given{verifytest.Channel(), verifytest.Truth(t, 10)}, Options{Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "no Period") {
		t.Errorf("%v", err)
	}
}

// The reason why no segment could be had is told.
func TestNoSegment(t *testing.T) {
	t.Parallel()
	playlist, truth := segmented(t)
	segments, err := filepath.Glob(filepath.Join(filepath.Dir(playlist), "*.ts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range segments {
		if err := os.Remove(s); err != nil {
			t.Fatal(err)
		}
	}
	_, err = Run(t.Context(), playlist, given{verifytest.Channel(), truth}, Options{Now: time.Now})
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
}
