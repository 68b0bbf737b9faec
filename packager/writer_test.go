package packager

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

func TestRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, testOptions(dir, testChannel(ntsc, 60), 5))
	recs := put(t, w, 20, 21)
	w.Abandon()
	recs = append(recs, put(t, w, 23)...)
	for i, want := range []markers.SegmentRecord{
		{MSN: 20, FirstFrame: 1200, LastFrame: 1259, URI: "seg-0000000020.ts"},
		{MSN: 21, FirstFrame: 1260, LastFrame: 1319, URI: "seg-0000000021.ts"},
		{MSN: 23, FirstFrame: 1380, LastFrame: 1439, URI: "seg-0000000023.ts", Discontinuity: true, DiscontinuitySequence: 1},
	} {
		want.Bytes = int64(len(readFile(t, dir, want.URI)))
		want.PublishedAt = time.Date(2026, 3, 2, 0, 0, i+1, 0, time.UTC)
		if !reflect.DeepEqual(recs[i], want) {
			t.Errorf("record %d:\n got %+v\nwant %+v", i, recs[i], want)
		}
	}
}

// TestRefused has units that don't fit. Each case writes good ones first; then the bad one must fail with an error
// that names its frame, and nothing of it may be published.
func TestRefused(t *testing.T) {
	t.Parallel()
	c := testChannel(pal, 12).Clock()
	with := func(n int64, change func(*media.Unit)) media.Unit {
		au := unit(c, n, 300)
		au.DTS = au.PTS // after that of the units before
		change(&au)
		return au
	}
	keep := func(*media.Unit) {}
	half := gop(c, 12, 23)[:6] // frames 12 15 13 14 18 16
	for _, tc := range []struct {
		name  string
		units []media.Unit
		bad   media.Unit
		lost  bool // the open slot
		want  string
	}{
		{"not a key first", nil, with(12, func(au *media.Unit) { au.Key = false }), false, "has not been begun"},
		{"mid-slot key first", nil, with(13, func(au *media.Unit) { au.Key = true }), false, "has not been begun"},
		{"no SPS", nil, with(12, func(au *media.Unit) { au.NALs = au.NALs[1:] }), false, "no SPS"},
		{"broken SPS", nil, with(12, func(au *media.Unit) { au.Track = h264.Track(nil, [][]byte{{0x67}}) }), false, "SPS can't be read"},
		{"negative", nil, media.Unit{Frame: -1, Key: true}, false, "not between 0 and"},
		{"far future", nil, media.Unit{Frame: 1<<63 - 1, Key: true}, false, "not between 0 and"},
		{"twice", half, with(13, keep), true, "already"},
		{"key twice", half, with(12, keep), true, "already"},
		{"later slot", half, with(25, keep), false, "has not been begun"},
		{"earlier slot", half, with(11, keep), false, "is over: segment 1 has begun"},
		{"wrong PTS", half, with(17, func(au *media.Unit) { au.PTS++ }), true, "its PTS is"},
		{"DTS after PTS", half, with(17, func(au *media.Unit) { au.DTS = au.PTS + 1 }), true, "after its PTS"},
		{"empty NAL unit", half, with(17, func(au *media.Unit) { au.NALs = [][]byte{{}} }), true, "empty"},
		{"finished slot", slot(c, 1), with(14, keep), false, "segment 1 is over"},
		{"slot again", slot(c, 1), with(12, keep), false, "segment 1 is over"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := mustNew(t, testOptions(dir, testChannel(pal, 12), 10))
			for _, au := range tc.units {
				if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
					t.Fatal(err)
				}
			}
			rec, err := w.Write(stream.Unit{Unit: tc.bad})
			if rec != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("record %v, error %v, want one with %q", rec, err, tc.want)
			}
			var lost *PublishError
			if errors.As(err, &lost) != tc.lost || errors.Is(err, ErrPublish) != tc.lost || !errors.Is(err, ErrUnit) {
				t.Fatalf("error %v: slot lost %v, want %v", err, lost, tc.lost)
			}
			if tc.lost && (lost.MSN != 1 || lost.First != 12 || lost.Last != 18) {
				t.Errorf("lost %+v", lost)
			}
			// What was open is finished, or stays a gap, and the stream goes on.
			if !tc.lost && len(tc.units) == 6 {
				for _, au := range gop(c, 12, 23)[6:] {
					if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if tc.lost {
				for _, au := range gop(c, 12, 23)[6:] {
					if rec, err := w.Write(stream.Unit{Unit: au}); rec != nil || err != nil {
						t.Fatalf("rest of the lost slot: %v, %v", rec, err)
					}
				}
			}
			put(t, w, 3)
			want := map[bool]string{true: "1/0 SGS", false: "3/0 S"}[!tc.lost && len(tc.units) > 0]
			if got := shape(t, dir); got != want {
				t.Errorf("playlist %s, want %s", got, want)
			}
		})
	}
}

func TestDecodingTimeGoesBack(t *testing.T) {
	t.Parallel()
	c := testChannel(pal, 12).Clock()
	w := mustNew(t, testOptions(t.TempDir(), testChannel(pal, 12), 10))
	units := slot(c, 0)
	units[3].DTS = units[2].DTS
	for i, au := range units[:4] {
		_, err := w.Write(stream.Unit{Unit: au})
		if (err != nil) != (i == 3) {
			t.Fatalf("unit %d: %v", i, err)
		}
		if i == 3 && !errors.Is(err, ErrUnit) {
			t.Fatal(err)
		}
	}
}

// TestIncomplete begins a slot before the one before is whole: that one is lost and said so, the new one is taken.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, testOptions(dir, testChannel(pal, 12), 10))
	put(t, w, 0)
	for _, au := range slot(w.clock, 1)[:11] { // without frame 22
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	units := slot(w.clock, 2)
	_, err := w.Write(stream.Unit{Unit: units[0]})
	var lost *PublishError
	if !errors.As(err, &lost) || lost.MSN != 1 || lost.First != 12 || lost.Last != 23 || errors.Is(err, ErrUnit) {
		t.Fatalf("error %v", err)
	}
	for _, au := range units[1:] {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	if got := shape(t, dir); got != "0/0 SGS" {
		t.Error(got)
	}
}

// TestContinuity joins the segments: the continuity counter of every packet goes on, also over a slot that was dropped.
func TestContinuity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, testOptions(dir, testChannel(pal, 12), 10))
	put(t, w, 0)
	for _, au := range slot(w.clock, 1)[:5] {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	w.Abandon()
	w.Abandon() // of none
	put(t, w, 2)
	next := map[int]byte{}
	for _, name := range []string{TS.SegmentFile(0), TS.SegmentFile(2)} {
		data := readFile(t, dir, name)
		for i := 0; i < len(data); i += 188 {
			if data[i+3]&0x10 == 0 {
				continue // a PCR alone is not counted
			}
			pid, counter := int(data[i+1]&0x1F)<<8|int(data[i+2]), data[i+3]&0x0F
			if want, ok := next[pid]; ok && counter != want {
				t.Fatalf("%s, packet %d: counter %d of PID %#x, want %d", name, i/188, counter, pid, want)
			}
			next[pid] = (counter + 1) & 0x0F
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	c := testChannel(pal, 12).Clock()
	units := gop(c, 12, 23) // 12 15 13 14 18 16 17 21 19 20 23 22
	for _, tc := range []struct {
		name   string
		window int64
		n      int // units of slot 1
		last   int64
		lost   bool
		want   string
	}{
		{"nothing open", 10, 0, -1, false, "0/0 S."},
		{"whole", 10, 12, -1, false, "0/0 SS."},
		{"one frame", 10, 1, 12, false, "0/0 SS."},
		{"up to a reference", 10, 4, 15, false, "0/0 SS."},
		{"hole", 10, 2, -1, true, "0/0 S."},
		{"hole at the end", 10, 11, -1, true, "0/0 S."},
		{"VOD", 0, 7, 18, false, "0/0 SS."},
		{"VOD, hole", 0, 6, -1, true, "0/0 S."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := mustNew(t, testOptions(dir, testChannel(pal, 12), tc.window))
			put(t, w, 0)
			for _, au := range units[:tc.n] {
				if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, MediaPlaylist)); (err != nil) != (tc.window == 0) {
				t.Fatalf("playlist before the end: %v", err)
			}
			rec, err := w.Close()
			if errors.Is(err, ErrPublish) != tc.lost || (err != nil) != tc.lost {
				t.Fatal(err)
			}
			if (rec != nil) != (tc.last >= 0) || rec != nil && rec.LastFrame != tc.last {
				t.Errorf("record %+v", rec)
			}
			if got := shape(t, dir); got != tc.want {
				t.Errorf("playlist %s, want %s", got, tc.want)
			}
			if rec, err := w.Close(); rec != nil || err != nil {
				t.Errorf("second Close: %v, %v", rec, err)
			}
			if _, err := w.Write(stream.Unit{Unit: unit(c, 36, 100)}); !errors.Is(err, ErrClosed) {
				t.Errorf("Write after Close: %v", err)
			}
		})
	}
}

func TestCloseWithoutAnything(t *testing.T) {
	t.Parallel()
	for _, window := range []int64{0, 10} {
		dir := t.TempDir()
		w := mustNew(t, testOptions(dir, testChannel(pal, 12), window))
		if rec, err := w.Close(); rec != nil || err != nil {
			t.Errorf("window %d: %v, %v", window, rec, err)
		}
		if got := files(t, dir); got != "" {
			t.Errorf("window %d: files %s", window, got)
		}
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	good := markers.SegmentRecord{MSN: 3, FirstFrame: 36, LastFrame: 47, Bytes: 188, URI: TS.SegmentFile(3)}
	record := func(change func(*markers.SegmentRecord)) []markers.SegmentRecord {
		r := good
		change(&r)
		return []markers.SegmentRecord{r}
	}
	for want, change := range map[string]func(*Options){
		"Dir is empty":                       func(o *Options) { o.Dir = "" },
		"Now is not set":                     func(o *Options) { o.Now = nil },
		"frame rate 0/0 is not supported":    func(o *Options) { o.Channel.Rate = media.FrameRate{} },
		"a segment of 0 frames":              func(o *Options) { o.Channel.FramesPerSegment = 0 },
		"bit rate of -1":                     func(o *Options) { o.Bitrate = -1 },
		"window of -1":                       func(o *Options) { o.Window = -1 },
		"use at least 7":                     func(o *Options) { o.Window = 6 },
		"make directory":                     func(o *Options) { o.Dir = "/dev/null/x" },
		"segment 3: frames 37 to 47":         func(o *Options) { o.Segments = record(func(r *markers.SegmentRecord) { r.FirstFrame++ }) },
		"segment 3: frames 36 to 48":         func(o *Options) { o.Segments = record(func(r *markers.SegmentRecord) { r.LastFrame++ }) },
		`segment 3: URI "x"`:                 func(o *Options) { o.Segments = record(func(r *markers.SegmentRecord) { r.URI = "x" }) },
		"media sequence number is out":       func(o *Options) { o.Segments = record(func(r *markers.SegmentRecord) { r.MSN = -3 }) },
		"media sequence number is out of":    func(o *Options) { o.Segments = record(func(r *markers.SegmentRecord) { r.MSN = 1<<63 - 1 }) },
		"it comes after that of segment 3":   func(o *Options) { o.Segments = []markers.SegmentRecord{good, good} },
		"discontinuity sequence -1 is negat": func(o *Options) { o.Segments = record(func(r *markers.SegmentRecord) { r.DiscontinuitySequence = -1 }) },
	} {
		o := testOptions(t.TempDir(), testChannel(pal, 12), 10)
		change(&o)
		w, err := New(o)
		if w != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestInputUnchanged checks that a unit is not changed.
func TestInputUnchanged(t *testing.T) {
	t.Parallel()
	w := mustNew(t, testOptions(t.TempDir(), testChannel(pal, 12), 10))
	a, b := slot(w.clock, 0), slot(w.clock, 0)
	for i := range a {
		if _, err := w.Write(stream.Unit{Unit: a[i]}); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("Write changed its input")
	}
}
