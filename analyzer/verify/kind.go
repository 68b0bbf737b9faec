package verify

import "slices"

// Kind is the kind of a finding.
type Kind string

// The kinds of findings.
const (
	Missing     Kind = "missing"      // frames that no picture shows
	Repeated    Kind = "repeated"     // a frame shown again
	Frozen      Kind = "frozen"       // a frame shown for long
	Black       Kind = "black"        // black pictures
	Unreadable  Kind = "unreadable"   // pictures whose frame code can't be read
	OutOfOrder  Kind = "out_of_order" // pictures of frames that were due before
	Trimmed     Kind = "trimmed"      // frames missing at either end
	Retimed     Kind = "retimed"      // another frame rate
	Resized     Kind = "resized"      // another picture size
	ClockOffset Kind = "clock_offset" // a clock is wrong by a constant
	ClockDrift  Kind = "clock_drift"  // a clock runs too fast or too slow
	ClockStep   Kind = "clock_step"   // a clock jumps
	ClockNoise  Kind = "clock_noise"  // a clock is wrong by this and that
	ClockGone   Kind = "clock_gone"   // a clock is no longer there
	ClockGaps   Kind = "clock_gaps"   // a clock is there in some pictures only
	EventMissed Kind = "event_missed" // a marker whose event does not show
	EventExtra  Kind = "event_extra"  // an event that shows without a marker
	EventEarly  Kind = "event_early"  // an event that begins before its marker says
	EventLate   Kind = "event_late"   // an event that begins after its marker says
	EventLength Kind = "event_length" // an event that is longer or shorter than its marker says
	Unannounced Kind = "unannounced"  // a marker that a carrier which announces markers leaves out
	Misreported Kind = "misreported"  // a carrier says what is not so, field by field

	Doubled Kind = "doubled" // a statement that stands there more than once
	Added   Kind = "added"   // a statement where there should be none
	DTS     Kind = "dts"     // decoding times that are not the encoder's, as after a remux

	SegmentLength Kind = "segment_length" // EXTINF is not as long as the segment's pictures
	BeyondTruth   Kind = "beyond_truth"   // frames that the truth is not about
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{
		Missing, Repeated, Frozen, Black, Unreadable, OutOfOrder, Trimmed, Retimed, Resized, ClockOffset, ClockDrift, ClockStep,
		ClockNoise, ClockGone, ClockGaps, EventMissed, EventExtra, EventEarly, EventLate, EventLength, Unannounced, Misreported,
		Doubled, Added, DTS, SegmentLength, BeyondTruth,
	}
}

func (k Kind) known() bool { return slices.Contains(Kinds(), k) }
