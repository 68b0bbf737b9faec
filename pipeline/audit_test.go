package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// A ledger that can't be read is not found to be whole.
func TestAuditFails(t *testing.T) {
	for _, call := range []string{"Segments", "Missing", "Frames", "Markers"} {
		inBubble(t, func(r *rig) {
			r.store.refuses[call] = errDiskFull
			if _, _, err := Audit(t.Context(), r.store, r.info, func(markers.SegmentRecord) bool { return true }); !errors.Is(err, errDiskFull) {
				t.Errorf("%s: %v", call, err)
			}
		})
	}
}

// Of a ledger and its files a part is gone, as after a power cut, or by somebody's hand: what that costs is found, once.
func TestAudit(t *testing.T) {
	none := func(markers.SegmentRecord) bool { return true }
	for name, c := range map[string]struct {
		spoil     func(b *markers.Batch)
		whole     func(markers.SegmentRecord) bool
		lost      []string
		withdrawn []int64
		why       string
	}{
		"nothing": {},
		"a file": {whole: func(s markers.SegmentRecord) bool { return s.MSN != 102 }, lost: []string{"1020-1029 lost"},
			withdrawn: []int64{102}, why: "seg-0000000102.ts is gone"},
		"records of frames": {spoil: func(b *markers.Batch) { b.Frames = b.Frames[:len(b.Frames)-3] },
			lost: []string{"1060-1069 lost"}, withdrawn: []int64{106}, why: "the record of frame 1067 is gone"},
		"all records of frames": {spoil: func(b *markers.Batch) { b.Frames = nil },
			lost:      []string{"1010-1019 lost", "1020-1029 lost", "1030-1039 lost", "1060-1069 lost"},
			withdrawn: []int64{101, 102, 103, 106}, why: "the record of frame 1010 is gone"},
		"a marker": {spoil: func(b *markers.Batch) { b.Markers = b.Markers[:0] },
			lost: []string{"1060-1069 lost"}, withdrawn: []int64{106}, why: "the marker main-t1063 is gone"},
		"a segment's record": {spoil: func(b *markers.Batch) { b.Segments = slices.Delete(b.Segments, 1, 2) },
			lost: []string{"1020-1029 lost"}, why: "does not say"},
		"a missing record": {spoil: func(b *markers.Batch) { b.Missing = b.Missing[:1] }, lost: []string{"1040-1059 lost"}, why: "does not say"},
		"known twice": {spoil: func(b *markers.Batch) {
			b.Missing = append(b.Missing, markers.MissingRecord{Frame: 1045, LastFrame: 1049, Reason: markers.ReasonLost})
		}},
		"a segment before the first record": {spoil: func(b *markers.Batch) { b.Frames = b.Frames[5:] }},
		"a marker that was trimmed": {spoil: func(b *markers.Batch) {
			b.Frames, b.Segments, b.Markers = b.Frames[len(b.Frames)-7:], b.Segments[3:], nil
			b.Segments[0].FirstFrame = 1064
			for i := range b.Frames {
				b.Frames[i].Event = "main-t1055"
			}
		}},
		"known already": {spoil: func(b *markers.Batch) {
			b.Missing = append(b.Missing, markers.MissingRecord{Frame: 1020, LastFrame: 1029, Reason: markers.ReasonLost})
		}, whole: func(s markers.SegmentRecord) bool { return s.MSN != 102 }, withdrawn: []int64{102}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				// Missing frames are kept for longer than segments: the first ones are from long before.
				b := markers.Batch{Missing: []markers.MissingRecord{
					{Frame: 100, LastFrame: 109, Reason: markers.ReasonDown}, {Frame: 1040, LastFrame: 1059, Reason: markers.ReasonSkipped},
				}}
				for _, msn := range []int64{101, 102, 103, 106} {
					s := markers.SegmentRecord{MSN: msn, FirstFrame: 10 * msn, LastFrame: 10*msn + 9, URI: fmt.Sprintf("seg-%010d.ts", msn)}
					b.Segments = append(b.Segments, s)
					for n := s.FirstFrame; n <= s.LastFrame; n++ {
						f := markers.FrameRecord{Frame: n}
						if n >= 1063 {
							f.Event = "main-t1063"
						}
						b.Frames = append(b.Frames, f)
					}
				}
				b.Markers = []markers.Marker{{ID: "main-t1063", ScheduledFrame: 1063, Frame: 1063, LastFrame: 1080}}
				if c.spoil != nil {
					c.spoil(&b)
				}
				if c.whole == nil {
					c.whole = none
				}
				if err := r.store.Append(t.Context(), "main", b); err != nil {
					t.Fatal(err)
				}
				r.info.EventEvery, r.info.EventLength = 1<<30, 1 // the schedule has nothing here
				lost, withdrawn, err := Audit(t.Context(), r.store, r.info, c.whole)
				if err != nil {
					t.Fatal(err)
				}
				var msns []int64
				for _, s := range withdrawn {
					msns = append(msns, s.MSN)
				}
				if !slices.Equal(short(lost), c.lost) || !slices.Equal(msns, c.withdrawn) {
					t.Fatalf("lost %q, segments %v; want %q, %v", short(lost), msns, c.lost, c.withdrawn)
				}
				if len(lost) > 0 && !strings.Contains(lost[0].Detail, c.why) {
					t.Errorf("detail %q, want %q", lost[0].Detail, c.why)
				}
				// The run stores it, and the next audit finds nothing new.
				r.set = func() { r.live.Lost = lost }
				r.start()
				r.pass(2 * segmentTime)
				r.stop()
				stored := short(r.missing())
				for _, want := range c.lost {
					if !slices.Contains(stored, want) {
						t.Errorf("stored are %q, want %q in it", stored, want)
					}
				}
				if n := r.counted("frames_missing_total", markers.ReasonLost); n != 10*float64(len(c.lost)) && name != "a missing record" {
					t.Errorf("%v frames counted as lost", n)
				}
				again, _, err := Audit(t.Context(), r.store, r.info, c.whole)
				if err != nil || len(again) > 0 {
					t.Errorf("the next audit finds %q, %v", short(again), err)
				}
			})
		})
	}
}
