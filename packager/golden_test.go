package packager

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden keeps the playlists of typical streams, byte for byte.
func TestGolden(t *testing.T) {
	t.Parallel()
	type run struct {
		w    *Writer
		dir  string
		recs []markers.SegmentRecord
	}
	put := func(t *testing.T, r *run, list ...int64) { r.recs = append(r.recs, put(t, r.w, list...)...) }
	finish := func(t *testing.T, r *run) {
		if _, err := r.w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	restart := func(t *testing.T, r *run, o Options) {
		o.Dir, o.Segments = r.dir, r.recs
		r.w = mustNew(t, o)
	}
	ntsc60, ntsc50, pal50 := testChannel(ntsc, 60), testChannel(ntsc, 50), testChannel(pal, 50)
	for _, tc := range []struct {
		name    string
		channel markers.Channel
		window  int64
		steps   func(t *testing.T, r *run)
	}{
		{"live", pal50, 5, func(t *testing.T, r *run) { put(t, r, 0, 1, 2) }},
		{"live_window", pal50, 5, func(t *testing.T, r *run) { put(t, r, msns(100, 120)...) }},
		{"live_end", pal50, 5, func(t *testing.T, r *run) {
			put(t, r, 0, 1)
			for _, au := range gop(r.w.clock, 100, 124) {
				if _, err := r.w.Write(stream.Unit{Unit: au}); err != nil {
					t.Fatal(err)
				}
			}
			finish(t, r)
		}},
		{"fraction_exact", ntsc60, 5, func(t *testing.T, r *run) { put(t, r, 0, 1, 2, 3) }},
		{"fraction_rounded", ntsc50, 6, func(t *testing.T, r *run) { put(t, r, 0, 1, 2, 3) }},
		{"gap", pal50, 6, func(t *testing.T, r *run) { put(t, r, 7, 8, 11) }},
		{"discontinuity", pal50, 6, func(t *testing.T, r *run) {
			put(t, r, 7, 8)
			r.w.Abandon()
			put(t, r, 10)
		}},
		{"restart", ntsc60, 8, func(t *testing.T, r *run) {
			put(t, r, 0, 1)
			finish(t, r)
			restart(t, r, testOptions("", ntsc60, 8))
			put(t, r, 4, 5)
		}},
		{"events", ntsc60, 5, func(t *testing.T, r *run) {
			c := r.w.clock
			r.w.addMarker(event(c, "main-e1", 10, 69))
			r.w.addMarker(event(c, "main-e2", 130, 149))
			m := event(c, "main-t131", 131, 131)
			m.Kind, m.Text = markers.KindManual, "50 % \"off\"\r\n{$x} für alle"
			r.w.addMarker(m)
			r.w.addMarker(event(c, "main-e9", 900, 959)) // not yet
			put(t, r, 0, 1, 2)
		}},
		{"vod", ntsc50, 0, func(t *testing.T, r *run) {
			r.w.addMarker(event(r.w.clock, "main-e1", 40, 99))
			put(t, r, 0, 1, 2)
			for _, au := range gop(r.w.clock, 150, 159) {
				if _, err := r.w.Write(stream.Unit{Unit: au}); err != nil {
					t.Fatal(err)
				}
			}
			finish(t, r)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			r := &run{dir: dir, w: mustNew(t, testOptions(dir, tc.channel, tc.window))}
			tc.steps(t, r)
			read(t, dir)
			golden(t, tc.name+".m3u8", readFile(t, dir, MediaPlaylist))
			golden(t, tc.name+".master.m3u8", readFile(t, dir, MultivariantPlaylist))
		})
	}
}

// golden compares with a file of testdata and names the first line that differs.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := readFile(t, "testdata", name)
	if got == want {
		return
	}
	g, w := lines(got), lines(want)
	for i := range max(len(g), len(w)) {
		a, b := at(g, i), at(w, i)
		if a != b {
			t.Fatalf("%s, line %d:\n got %q\nwant %q", name, i+1, a, b)
		}
	}
}

// TestFrameRates checks length and time of every segment against the clock, for every rate and for odd lengths.
func TestFrameRates(t *testing.T) {
	t.Parallel()
	for _, rate := range append(media.FrameRates(), media.FrameRate{Num: 25, Den: 2}, media.FrameRate{Num: 120000, Den: 1001}) {
		for _, frames := range []int64{1, 12, 48, 50, 60, 61} {
			c := testChannel(rate, frames)
			dir := t.TempDir()
			w := mustNew(t, testOptions(dir, c, 0))
			put(t, w, msns(1000, 1003)...)
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			p := read(t, dir)
			for i, s := range segments(p) {
				n := c.Clock().FirstFrame(1000 + int64(i))
				if !s.ProgramDateTime.Equal(c.Clock().UTC(n)) {
					t.Errorf("%v, %d frames: segment %d at %v, want %v", rate, frames, i, s.ProgramDateTime, c.Clock().UTC(n))
				}
				// The reader gives a float, which is only compared, and only to half a nanosecond.
				exact := float64(frames*rate.Den) / float64(rate.Num)
				if d := s.Duration - exact; d > 0.6e-9 || d < -0.6e-9 {
					t.Errorf("%v, %d frames: EXTINF %v, want %v", rate, frames, s.Duration, exact)
				}
				if uint(s.Duration+0.5) > p.TargetDuration {
					t.Errorf("%v, %d frames: EXTINF %v above target duration %d", rate, frames, s.Duration, p.TargetDuration)
				}
			}
		}
	}
}
