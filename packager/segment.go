package packager

import (
	"bytes"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// segment is the one that is being filled, held in memory until it is whole. Its buffers are used again for each.
type segment struct {
	active bool
	msn    int64
	first  int64  // first frame of the slot
	last   int64  // highest frame taken so far, first-1 when there is none
	count  int64  // frames taken
	seen   []bool // which ones, from first

	buf bytes.Buffer
	mux *ts.Writer
	// start is the muxer at the start of the segment: its continuity counters.
	start ts.Writer
}

func newSegment(c markers.Clock) *segment {
	s := &segment{seen: make([]bool, c.FramesPerSegment)}
	s.mux = ts.NewWriter(&s.buf)
	s.mux.SetStep(c.Rate.Ticks(1))
	return s
}

// begin opens the segment of a slot.
func (s *segment) begin(msn, first int64) {
	clear(s.seen)
	s.buf.Reset()
	s.active, s.msn, s.first, s.last, s.count = true, msn, first, first-1, 0
	s.start = *s.mux
}

// holds reports whether a frame of the slot has been taken.
func (s *segment) holds(n int64) bool { return s.seen[n-s.first] }

// add takes a unit of the slot. After an error the segment is as it was.
func (s *segment) add(au media.AccessUnit) error {
	size := s.buf.Len()
	if err := s.mux.WriteUnit(au); err != nil {
		s.buf.Truncate(size)
		return err
	}
	s.seen[au.Frame-s.first] = true
	s.last = max(s.last, au.Frame)
	s.count++
	return nil
}

// tell takes a marker as timed ID3. The only one that no tag can hold, since its time is after the year 9999 or its text
// about a mebibyte long, goes without: the playlist tells of it, and it is no reason to lose a segment.
func (s *segment) tell(m markers.Marker) { _ = s.mux.WriteMarker(m) }

// whole reports whether every frame of the slot is there.
func (s *segment) whole() bool { return s.active && s.count == int64(len(s.seen)) }

// contiguous reports whether the frames taken are the first ones of the slot, without a hole, and at least one.
func (s *segment) contiguous() bool { return s.active && s.count > 0 && s.count == s.last-s.first+1 }

// drop forgets the segment. The continuity counters go back, since nobody saw its packets.
func (s *segment) drop() {
	*s.mux = s.start
	s.active = false
}
