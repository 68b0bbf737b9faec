package catalogue

import (
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/packets"
	"github.com/refstream/refstream/faults/sounds"
	"github.com/refstream/refstream/faults/units"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Stream is the faults of a plan behind the encoder, in one stream of the channel: each carrier has one of its own, since they keep
// what was before. It is used by one goroutine.
type Stream struct {
	units   *units.Rewriter
	sounds  *sounds.Rewriter
	packets *packets.Rewriter
}

// NewStream makes the faults of a stream. Of several of the same plan one reports; report is nil for the others.
func NewStream(plan *scenario.Plan, clock markers.Clock, report faults.Report) *Stream {
	if report == nil {
		report = func(faults.Change) {}
	}
	return &Stream{units.New(plan, clock, report), sounds.New(plan, clock, report), packets.New(plan, clock, report)}
}

// Unit is what the faulty stream has in place of a unit of the clean one: see [units.Rewriter.Unit] and, of sound,
// [sounds.Rewriter.Unit].
func (s *Stream) Unit(au media.Unit) ([]media.Unit, error) {
	if au.Codec() == media.AAC {
		return s.sounds.Unit(au)
	}
	return s.units.Unit(au)
}

// Packets are those of the faulty stream in place of those of a frame's units: see [packets.Rewriter.Packets].
func (s *Stream) Packets(frame int64, b []byte) []byte { return s.packets.Packets(frame, b) }
