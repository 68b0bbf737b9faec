package packager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// timed is a marker with its time stamps.
func timed(c markers.Clock, id string, first, last int64) markers.Marker {
	m := event(c, id, first, last)
	m.PTS, m.LastPTS = c.PTS(first), c.PTS(last)
	return m
}

// told lists the markers in a segment's timed ID3, each with the number of units in front of it.
func told(t *testing.T, dir string, msn int64) string {
	t.Helper()
	var list []string
	units := 0
	r := ts.NewReader(strings.NewReader(readFile(t, dir, TS.SegmentFile(msn))))
	r.HandleID3(func(tag id3.Timed) {
		frames, err := id3.Parse(tag.Tag)
		m, ok, markerErr := annotate.MarkerOfID3(frames)
		if err = errors.Join(err, markerErr); !ok || err != nil || tag.PTS != m.PTS&media.PTSMask {
			t.Errorf("segment %d: PTS %d of %+v, %t, %v", msn, tag.PTS, m, ok, err)
		}
		list = append(list, fmt.Sprintf("%s@%d", m.ID, units))
	})
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		units++
	}
	if s := r.Stats(); s.DamagedID3+s.Damaged+s.Gaps+s.Skipped != 0 {
		t.Errorf("segment %d: %+v", msn, s)
	}
	return strings.Join(list, " ")
}

// TestID3 adds markers with units of two slots of 50 frames, and checks in which segment, and before which of its units,
// the timed ID3 is. Units are in decoding order: 0, 3, 1, 2, 6, ...
func TestID3(t *testing.T) {
	t.Parallel()
	type added struct {
		with        int64 // comes with this unit of the slot
		msn         int64 // in this slot
		first, last int64
	}
	for _, tc := range []struct {
		name    string
		markers []added
		want    [2]string
	}{
		{"none", nil, [2]string{"", ""}},
		{"with its frame", []added{{0, 0, 0, 9}, {2, 0, 1, 9}, {0, 1, 50, 59}}, [2]string{"0@0 1@2", "2@0"}},
		{"at the last unit", []added{{49, 0, 48, 60}}, [2]string{"0@49", ""}},
		{"known before its frame", []added{{1, 0, 40, 49}}, [2]string{"0@1", ""}},
		{"known before its segment", []added{{1, 0, 60, 70}}, [2]string{"", "0@0"}},
		{"known after its frame", []added{{30, 0, 2, 9}}, [2]string{"0@30", ""}},
		{"known after its segment", []added{{0, 1, 49, 60}}, [2]string{"", ""}},
		{"twice", []added{{0, 0, 5, 9}, {3, 0, 5, 9}}, [2]string{"0@0", ""}},
		{"several at once", []added{{5, 0, 8, 9}, {5, 0, 4, 7}, {5, 0, 55, 60}}, [2]string{"0@5 1@5", "2@0"}},
		{"no interval", []added{{5, 0, 8, 7}}, [2]string{"", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := mustNew(t, testOptions(dir, testChannel(pal, 50), 5))
			for msn := range int64(2) {
				for i, au := range slot(w.clock, msn) {
					for k, a := range tc.markers {
						if a.msn == msn && a.with == int64(i) {
							id := fmt.Sprint(k)
							if tc.name == "twice" {
								id = "0"
							}
							w.addMarker(timed(w.clock, id, a.first, a.last))
						}
					}
					if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
						t.Fatal(err)
					}
				}
			}
			for msn, want := range tc.want {
				if got := told(t, dir, int64(msn)); got != want {
					t.Errorf("segment %d: %q, want %q", msn, got, want)
				}
			}
			if len(w.unmarked) != 0 {
				t.Errorf("%d markers are kept", len(w.unmarked))
			}
		})
	}
}

// TestID3InGap: the ID3 of a segment that is dropped goes with it, and what belongs to slots that never come is
// forgotten. The ID3 of the segments around goes on without a gap.
func TestID3InGap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, testOptions(dir, testChannel(pal, 50), 10))
	w.addMarker(timed(w.clock, "a", 10, 20))
	w.addMarker(timed(w.clock, "gap", 110, 120))
	put(t, w, 0)
	w.addMarker(timed(w.clock, "dropped", 60, 70))
	for _, au := range slot(w.clock, 1)[:20] {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	w.Abandon()
	w.addMarker(timed(w.clock, "too late", 70, 80))
	w.addMarker(timed(w.clock, "b", 151, 152))
	put(t, w, 3)
	if a, b := told(t, dir, 0), told(t, dir, 3); a != "a@0" || b != "b@0" || len(w.unmarked) != 0 {
		t.Errorf("%q, %q, %d markers are kept", a, b, len(w.unmarked))
	}
	both := readFile(t, dir, TS.SegmentFile(0)) + readFile(t, dir, TS.SegmentFile(3))
	r := ts.NewReader(strings.NewReader(both))
	n := 0
	r.HandleID3(func(id3.Timed) { n++ })
	for {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	if s := r.Stats(); n != 2 || s.Gaps != 0 || s.DamagedID3 != 0 {
		t.Errorf("%d tags, %+v", n, s)
	}
}

// TestID3NeverChanges: a published segment stays as it is, whatever markers come later, also in the next run.
func TestID3NeverChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 10)
	w := mustNew(t, o)
	m := timed(w.clock, "a", 10, 120)
	w.addMarker(m)
	o.Segments = put(t, w, 0)
	before := readFile(t, dir, TS.SegmentFile(0))
	late := timed(w.clock, "late", 20, 30)
	w.addMarker(late)
	o.Segments = append(o.Segments, put(t, w, 1)...)
	o.Markers = []markers.Marker{m, late, timed(w.clock, "next", 120, 130)}
	w = mustNew(t, o)
	w.addMarker(m)
	put(t, w, 2)
	if readFile(t, dir, TS.SegmentFile(0)) != before {
		t.Error("a published segment changed")
	}
	if a, b, c := told(t, dir, 0), told(t, dir, 1), told(t, dir, 2); a != "a@0" || b != "" || c != "next@0" {
		t.Errorf("%q, %q, %q", a, b, c)
	}
}

// TestID3WithoutJSON: a marker that no tag can hold doesn't cost the segment.
func TestID3WithoutJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, testOptions(dir, testChannel(pal, 50), 5))
	m := timed(w.clock, "a", 10, 20)
	m.GenTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	w.addMarker(m)
	put(t, w, 0)
	if got := told(t, dir, 0); got != "" || eventIDs(t, dir) != "a" {
		t.Errorf("%q, events %q", got, eventIDs(t, dir))
	}
}

// TestID3SeenByFFprobe plays real H.264 with events through the playlist, also where time stamps wrap.
func TestID3SeenByFFprobe(t *testing.T) {
	t.Parallel()
	c := testChannel(pal, 25).Clock()
	wrap, _ := c.Rate.FrameAtTicks(1<<33 - markers.PTSOrigin)
	for name, first := range map[string]int64{"start": 0, "PTS wrap": wrap/25 - 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := mustNew(t, testOptions(dir, testChannel(pal, 25), 20))
			var want []string
			for _, au := range encode(t, c, c.FirstFrame(first), 75, 2) {
				if (au.Frame-c.FirstFrame(first))%10 == 4 {
					m := timed(c, fmt.Sprint("main-e", au.Frame), au.Frame, au.Frame+9)
					w.addMarker(m)
					js, err := json.Marshal(m)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, fmt.Sprint(m.PTS&media.PTSMask, " ", string(js)))
				}
				if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.Close(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), probeTimeout)
			defer cancel()
			out := run(ctx, t, "ffprobe", "-v", "error", "-show_streams", "-show_packets", "-select_streams", "d",
				"-of", "json", filepath.Join(dir, MediaPlaylist))
			var doc struct {
				Streams []struct {
					Name string `json:"codec_name"`
				}
				Packets []struct{ PTS int64 }
			}
			if err := json.Unmarshal(out, &doc); err != nil {
				t.Fatal(err)
			}
			if s := fmt.Sprint(doc.Streams); s != "[{timed_id3}]" || len(doc.Packets) != len(want) {
				t.Fatalf("ffprobe sees streams %s and %d tags, want %d", s, len(doc.Packets), len(want))
			}
			data := run(ctx, t, "ffmpeg", "-nostdin", "-v", "error", "-i", filepath.Join(dir, MediaPlaylist), "-map", "0:d", "-c", "copy", "-f", "data", "-")
			var got []string
			for i, tag := range bytes.Split(data, []byte("ID3\x04"))[1:] {
				_, js, _ := bytes.Cut(tag, []byte("refstream\x00"))
				got = append(got, fmt.Sprint(doc.Packets[i].PTS&media.PTSMask, " ", string(js)))
			}
			if !slices.Equal(got, want) {
				t.Errorf("ffmpeg sees\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
