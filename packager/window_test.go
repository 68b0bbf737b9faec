package packager

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/stream"
)

// TestWindow follows a playlist of five two-second slots, where at least three stay (three target durations).
func TestWindow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		steps []int64 // slots in order; -1 abandons
		want  string
	}{
		{"fresh", []int64{40}, "40/0 S"},
		{"full", msns(40, 44), "40/0 SSSSS"},
		{"slides", msns(40, 47), "43/0 SSSSS"},
		{"gaps age too", []int64{40, 41, 44, 45}, "41/0 SGGSS"},
		{"no gaps in front", []int64{40, 41, 44, 45, 46}, "44/0 SSS"},
		{"gaps in front where it would be too short", []int64{40, 41, 44, 45, 47}, "44/0 SSGS"},
		{"longer than the window", []int64{40, 41, 1000}, "998/0 GGS"},
		{"after that", []int64{40, 41, 1000, 1001}, "999/0 GSS"},
		{"and after that", []int64{40, 41, 1000, 1001, 1002, 1003}, "1000/0 SSSS"},
		{"skip", []int64{40, 42}, "40/0 SGS"},
		{"abandon", []int64{40, -1, 42}, "40/0 SG|S"},
		{"abandon at once", []int64{40, -1, -1, 41}, "40/0 S|S"},
		{"abandon before anything", []int64{-1, 41}, "41/0 S"},
		{"discontinuity at the front", []int64{40, -1, 42, 43, 44, 45, 46}, "42/1 SSSSS"},
		{"gap before a discontinuity at the front", []int64{40, -1, 45}, "43/0 GG|S"},
		{"two discontinuities", []int64{40, -1, 41, 42, -1, 44}, "40/0 S|SSG|S"},
		{"one left", []int64{40, -1, 41, 42, -1, 44, 45, 46}, "42/1 SG|SSS"},
		{"both left", []int64{40, -1, 41, 42, -1, 44, 45, 46, 47}, "44/2 SSSS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := mustNew(t, testOptions(dir, testChannel(pal, 50), 5))
			for _, msn := range tc.steps {
				if msn < 0 {
					w.Abandon()
				} else {
					put(t, w, msn)
				}
			}
			if got := shape(t, dir); got != tc.want {
				t.Errorf("playlist %s, want %s", got, tc.want)
			}
		})
	}
}

// TestRemoval checks that a file stays for a segment and a window after the playlist stopped naming it: that is until
// six slots later for a window of five.
func TestRemoval(t *testing.T) {
	t.Parallel()
	const playlists = "index.m3u8 master.m3u8"
	for _, tc := range []struct {
		name  string
		steps []int64
		want  string
	}{
		{"in the window", msns(0, 4), "0 1 2 3 4"},
		{"0 left at 5", msns(0, 10), "0 1 2 3 4 5 6 7 8 9 10"},
		{"0 is due at 11", msns(0, 11), "1 2 3 4 5 6 7 8 9 10 11"},
		{"steady", msns(0, 50), "40 41 42 43 44 45 46 47 48 49 50"},
		{"a jump removes nothing at once", append(msns(0, 3), 1000), "0 1 2 3 1000"},
		{"nor soon", append(msns(0, 3), msns(1000, 1005)...), "0 1 2 3 1000 1001 1002 1003 1004 1005"},
		{"but then", append(msns(0, 3), msns(1000, 1006)...), "1000 1001 1002 1003 1004 1005 1006"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			put(t, mustNew(t, testOptions(dir, testChannel(pal, 50), 5)), tc.steps...)
			if got, ok := strings.CutPrefix(files(t, dir), playlists+" "); !ok || got != tc.want {
				t.Errorf("files %s, want %s", got, tc.want)
			}
		})
	}
}

// TestRestart ends one writer and begins another with its records.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		first   []int64
		close   bool
		between func(t *testing.T, dir string)
		at      string // the playlist when the second begins
		second  []int64
		want    string
	}{
		{"goes on", []int64{0, 1}, false, nil, "0/0 SS", []int64{2}, "0/0 SS|S"},
		{"after its end", []int64{0, 1}, true, nil, "0/0 SS", []int64{3}, "0/0 SSG|S"},
		{"after a long time", []int64{0, 1}, true, nil, "0/0 SS", []int64{500}, "498/0 GG|S"},
		{"full window", msns(0, 9), true, nil, "5/0 SSSSS", []int64{10}, "6/0 SSSS|S"},
		{"file lost", msns(0, 4), false, func(t *testing.T, dir string) {
			removeFile(t, dir, TS.SegmentFile(2))
		}, "0/0 SSGSS", []int64{5}, "1/0 SGSS|S"},
		{"file cut", msns(0, 4), false, func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, TS.SegmentFile(3)), 188); err != nil {
				t.Fatal(err)
			}
		}, "0/0 SSSGS", []int64{5}, "1/0 SSGS|S"},
		{"first files lost", msns(0, 4), false, func(t *testing.T, dir string) {
			removeFile(t, dir, TS.SegmentFile(0))
			removeFile(t, dir, TS.SegmentFile(1))
		}, "2/0 SSS", []int64{5}, "2/0 SSS|S"},
		{"last file lost", msns(0, 4), false, func(t *testing.T, dir string) {
			removeFile(t, dir, TS.SegmentFile(4))
		}, "0/0 SSSSG", []int64{5}, "1/0 SSSG|S"},
		{"all files lost", msns(0, 4), false, func(t *testing.T, dir string) {
			for msn := range int64(5) {
				removeFile(t, dir, TS.SegmentFile(msn))
			}
		}, "", []int64{5}, "3/0 GG|S"},
		{"unknown files", msns(0, 2), false, func(t *testing.T, dir string) {
			for _, name := range []string{TS.SegmentFile(7), ".seg-0000000003.ts.tmp", ".index.m3u8.tmp"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}, "0/0 SSS", []int64{4}, "0/0 SSSG|S"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := testOptions(dir, testChannel(pal, 50), 5)
			w := mustNew(t, o)
			o.Segments = put(t, w, tc.first...)
			if tc.close {
				if _, err := w.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if tc.between != nil {
				tc.between(t, dir)
			}
			w = mustNew(t, o)
			if tc.at == "" {
				if _, err := os.Stat(filepath.Join(dir, MediaPlaylist)); err == nil {
					t.Error("a playlist without segments is there")
				}
			} else if got := shape(t, dir); got != tc.at {
				t.Errorf("playlist at the start %s, want %s", got, tc.at)
			}
			recs := put(t, w, tc.second...)
			if !recs[0].Discontinuity || recs[0].DiscontinuitySequence != 1 {
				t.Errorf("record %+v", recs[0])
			}
			if got := shape(t, dir); got != tc.want {
				t.Errorf("playlist %s, want %s", got, tc.want)
			}
			got := files(t, dir)
			if strings.Contains(got, "tmp") || tc.name == "unknown files" && strings.Contains(got, " 7") {
				t.Errorf("files left: %s", got)
			}
		})
	}
}

// TestRestartAfterStub ends in the middle of a slot and goes on with the next: the stub keeps its true length.
func TestRestartAfterStub(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 5)
	w := mustNew(t, o)
	recs := put(t, w, 0)
	for _, au := range gop(w.clock, 50, 61) {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	stub, err := w.Close()
	if err != nil || stub.LastFrame != 61 {
		t.Fatalf("%+v, %v", stub, err)
	}
	o.Segments = slices.Concat(recs, []markers.SegmentRecord{*stub})
	put(t, mustNew(t, o), 2)
	if got := shape(t, dir); got != "0/0 SS|S" {
		t.Error(got)
	}
	if d := segments(read(t, dir))[1].Duration; d != 0.48 {
		t.Errorf("the stub lasts %v s", d)
	}
}

// TestOrphansWithoutRecords begins in a directory whose records were lost: nothing of it stays but foreign files.
func TestOrphansWithoutRecords(t *testing.T) {
	t.Parallel()
	for _, window := range []int64{0, 5} {
		dir := t.TempDir()
		put(t, mustNew(t, testOptions(dir, testChannel(pal, 50), 5)), 0, 1, 2)
		foreign := []string{"notes.txt", "seg-1.ts", "seg-0000000001.ts.bak", ".hidden"}
		for _, name := range foreign {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		mustNew(t, testOptions(dir, testChannel(pal, 50), window))
		if got := files(t, dir); got != ".hidden notes.txt seg-0000000001.ts.bak seg-1.ts" {
			t.Errorf("window %d: files %s", window, got)
		}
	}
}

// TestRestartRemovesOld has files of earlier runs age out.
func TestRestartRemovesOld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 5)
	o.Segments = put(t, mustNew(t, o), msns(0, 9)...)
	w := mustNew(t, o)
	if got := files(t, dir); got != "index.m3u8 master.m3u8 0 1 2 3 4 5 6 7 8 9" {
		t.Errorf("at the start: %s", got)
	}
	put(t, w, msns(10, 15)...)
	if got := files(t, dir); got != "index.m3u8 master.m3u8 5 6 7 8 9 10 11 12 13 14 15" {
		t.Errorf("in the end: %s", got)
	}
}

// TestVODRestart goes on with a VOD and keeps everything.
func TestVODRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 0)
	o.Segments = put(t, mustNew(t, o), msns(0, 19)...)
	w := mustNew(t, o)
	put(t, w, 21)
	if _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := shape(t, dir), "0/0 "+strings.Repeat("S", 20)+"G|S."; got != want {
		t.Errorf("playlist %s, want %s", got, want)
	}
}

// TestMinWindow checks the shortest window against its meaning.
func TestMinWindow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		channel markers.Channel
		want    int64
	}{{testChannel(pal, 50), 3}, {testChannel(ntsc, 60), 3}, {testChannel(ntsc, 50), 4}, {testChannel(pal, 1), 75}} {
		if got := MinWindow(tc.channel.Clock()); got != tc.want {
			t.Errorf("%v, %d frames: %d, want %d", tc.channel.Rate, tc.channel.FramesPerSegment, got, tc.want)
		}
	}
}

func TestSegmentNames(t *testing.T) {
	t.Parallel()
	for _, msn := range []int64{0, 7, 9_999_999_999, 10_000_000_000, 1 << 62} {
		if got, ok := SegmentNumber(TS.SegmentFile(msn)); !ok || got != msn {
			t.Errorf("%d: %s is read as %d, %v", msn, TS.SegmentFile(msn), got, ok)
		}
	}
	for _, name := range []string{"", "seg-.ts", "seg--000000001.ts", "seg-00000000001.ts", "seg-000000000x.ts",
		"0000000001", "seg-0000000001", "seg-" + strconv.Itoa(1) + ".ts", "seg-99999999999999999999.ts"} {
		if msn, ok := SegmentNumber(name); ok {
			t.Errorf("%q is read as %d", name, msn)
		}
	}
}

func removeFile(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
