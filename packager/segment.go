package packager

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/stream"
)

// segment is the one that is being filled, held in memory until it is whole. Its buffers are used again for each.
type segment struct {
	clock  markers.Clock
	active bool
	msn    int64
	first  int64 // first frame of the slot
	rungs  []rung
	// next is the first sample of the unit of sound that the slot still needs, end the one that is in the next slot. Without
	// sound both are 0.
	next, end int64

	outputs []output
	packs   []pack // one for each output
}

// rung is what the segment has of a rendition of pictures.
type rung struct {
	last  int64  // highest frame taken so far, first-1 when there is none
	count int64  // frames taken
	seen  []bool // which ones, from first
}

func (r *rung) whole() bool { return r.count == int64(len(r.seen)) }

func newSegment(c markers.Clock, rungs int) *segment {
	s := &segment{clock: c, rungs: make([]rung, rungs)}
	for i := range s.rungs {
		s.rungs[i].seen = make([]bool, c.FramesPerSegment)
	}
	return s
}

// begin opens the segment of a slot.
func (s *segment) begin(msn int64, sound bool) {
	s.active, s.msn, s.first = true, msn, s.clock.FirstFrame(msn)
	for i := range s.rungs {
		r := &s.rungs[i]
		clear(r.seen)
		r.last, r.count = s.first-1, 0
	}
	if sound {
		s.next, s.end = firstUnit(s.clock, msn), s.clock.Rate.Sample(s.clock.FirstFrame(msn+1))
	}
	for _, p := range s.packs {
		p.begin(msn)
	}
}

// firstUnit is the first sample of a slot's first unit of sound, which begins at the slot's first frame or next after it.
func firstUnit(c markers.Clock, msn int64) int64 {
	return ceilDiv(c.Rate.Sample(c.FirstFrame(msn)), aac.UnitSamples) * aac.UnitSamples
}

// last is the highest frame taken so far of any rendition, first-1 when there is none.
func (s *segment) last() int64 {
	return slices.MaxFunc(s.rungs, func(a, b rung) int { return cmp.Compare(a.last, b.last) }).last
}

// holds reports whether a frame of the slot has been taken.
func (s *segment) holds(track int, n int64) bool { return s.rungs[track].seen[n-s.first] }

// has reports whether all of a track is there.
func (s *segment) has(track int) bool {
	if track < len(s.rungs) {
		return s.rungs[track].whole()
	}
	return s.next >= s.end
}

// add takes a unit of the slot. After an error the segment has to be given up.
func (s *segment) add(track int, u stream.Unit) error {
	for i, p := range s.packs {
		if s.outputs[i].takes(track) {
			if err := p.unit(u); err != nil {
				return err
			}
		}
	}
	if track == len(s.rungs) {
		s.next += aac.UnitSamples
		return nil
	}
	r := &s.rungs[track]
	r.seen[u.Frame-s.first] = true
	r.last = max(r.last, u.Frame)
	r.count++
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

// whole reports whether all of the slot is there.
func (s *segment) whole() bool { return s.active && s.lacks() == "" }

// lacks is what is missing, empty where all is there.
func (s *segment) lacks() string {
	for i := range s.rungs {
		if r := &s.rungs[i]; !r.whole() {
			return fmt.Sprintf("%d of its %d frames%s are there", r.count, len(r.seen), of(s.outputs[i].rendition))
		}
	}
	if s.next < s.end {
		return fmt.Sprintf("its sound ends at sample %d of %d", s.next, s.end)
	}
	return ""
}

// cut is why the segment can't be one that the end of the stream has cut short, nil where it can: the frames taken, the same of all
// renditions, are the first ones of the slot without a hole, and the sound ends with them.
func (s *segment) cut() error {
	last := s.rungs[0].last
	for _, r := range s.rungs {
		if r.count == 0 || r.count != r.last-s.first+1 {
			return errors.New("the stream ended and frames before the last one were missing")
		}
		if r.last != last {
			return fmt.Errorf("the stream ended with frame %d in one rendition and with frame %d in another", last, r.last)
		}
	}
	// Samples after the last whole unit come to nothing.
	end := s.clock.Rate.Sample(last + 1)
	if s.end > 0 && (s.next+aac.UnitSamples <= end || s.next-aac.UnitSamples >= end || s.next == firstUnit(s.clock, s.msn)) {
		return fmt.Errorf("the stream ended with frame %d, which ends at sample %d, and the sound at sample %d", last, end, s.next)
	}
	return nil
}

// drop forgets the segment.
func (s *segment) drop() {
	for _, p := range s.packs {
		p.drop()
	}
	s.active = false
}

// of names a rendition in a message, where it is not the first.
func of(rendition string) string {
	if rendition == "" {
		return ""
	}
	return " of " + rendition
}
