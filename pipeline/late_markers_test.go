package pipeline

import (
	"slices"
	"testing"
	"time"
)

// An event that begins in a segment that the disk had no time for and goes on behind it: the playlist and its listeners
// learn of it with the first segment that shows it.
func TestMarkerInGivenUpSegment(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.accept(1064, 1065, "is over before the disk works again")
		r.accept(1080, 1104, "goes on")
		r.set = func() { r.hls.stall = map[int64]time.Duration{1020: 75*frameTime + frameTime/2} }
		r.start()
		r.until(1119)
		r.stop()
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1099 publish, |1100-1109, 1110-1119")
		r.wantMarkers("main-t1064 main-t1080")
		r.check()
		r.checkTotals()
	})
}

// An event of which the encoder gave a later picture before it died, and not its first one: it is in the stream behind
// the gap, and its marker, which is written when the encoder's end is known, is with the next unit.
func TestMarkerOfDeadEncoder(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.accept(1032, 1060, "")
		// Of 1030 to 1033 it gives 1030, 1033, 1031.
		r.scripts = []script{{b: 2, lookahead: 1, fate: dies, after: 24}, {b: 2}}
		r.start()
		r.until(1059)
		r.stop()
		r.want("1010-1019, 1020-1029, 1030-1039 encoder, |1040-1049, 1050-1059")
		r.wantMarkers("main-t1032")
		if m := r.marker(0); m.Frame != 1033 {
			t.Errorf("marker %+v", m)
		}
		r.check()
		r.checkTotals()
		if ids := r.out.markerIDs(); !slices.Equal(ids, []string{"main-t1032"}) {
			t.Errorf("markers with the units: %v", ids)
		}
	})
}

// What a dead encoder took with it holds nothing up: the marker of a later event is with that event's first picture,
// also where pictures that come before it are still to come.
func TestMarkerAtOnceBehindDeadEncoder(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.accept(1035, 1035, "is lost")
		r.accept(1056, 1060, "")
		r.scripts = []script{{b: 2, fate: dies, after: 26}, {b: 2}}
		r.start()
		r.until(1069)
		r.stop()
		r.check()
		for i, u := range r.out.units {
			if len(u.Markers) > 0 && (u.Frame != 1056 || r.out.units[i+1].Frame != 1054) {
				t.Errorf("marker %+v is with frame %d, before frame %d", u.Markers, u.Frame, r.out.units[i+1].Frame)
			}
		}
		r.wantMarkers("main-t1056")
	})
}
