package packager

import (
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/stream"
)

// segment is the one that is being filled, held in memory until it is whole. Its buffers are used again for each.
type segment struct {
	active bool
	msn    int64
	first  int64  // first frame of the slot
	last   int64  // highest frame taken so far, first-1 when there is none
	count  int64  // frames taken
	seen   []bool // which ones, from first

	packs []pack // one for each container
}

// begin opens the segment of a slot.
func (s *segment) begin(msn, first int64) {
	clear(s.seen)
	s.active, s.msn, s.first, s.last, s.count = true, msn, first, first-1, 0
	for _, p := range s.packs {
		p.begin(msn)
	}
}

// holds reports whether a frame of the slot has been taken.
func (s *segment) holds(n int64) bool { return s.seen[n-s.first] }

// add takes a unit of the slot. After an error the segment has to be given up.
func (s *segment) add(u stream.Unit) error {
	for _, p := range s.packs {
		if err := p.unit(u); err != nil {
			return err
		}
	}
	s.seen[u.Frame-s.first] = true
	s.last = max(s.last, u.Frame)
	s.count++
	return nil
}

// mark takes an event of the slot.
func (s *segment) mark(m markers.Marker) {
	for _, tag := range annotate.ID3(m) { // none if no tag can hold it: the playlist has it
		for _, p := range s.packs {
			p.marker(m, tag)
		}
	}
}

// whole reports whether every frame of the slot is there.
func (s *segment) whole() bool { return s.active && s.count == int64(len(s.seen)) }

// contiguous reports whether the frames taken are the first ones of the slot, without a hole, and at least one.
func (s *segment) contiguous() bool { return s.active && s.count > 0 && s.count == s.last-s.first+1 }

// drop forgets the segment.
func (s *segment) drop() {
	for _, p := range s.packs {
		p.drop()
	}
	s.active = false
}
