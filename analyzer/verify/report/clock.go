package report

import (
	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/media"
)

// Clock says what became of one clock.
type Clock struct {
	Name  string `json:"clock"`
	State State  `json:"state"`
	// Statements is how many there are, on pictures that could be read; Expected how many there should be, 0 where any
	// number is as good.
	Statements int `json:"statements"`
	Expected   int `json:"expected,omitempty"`
	// Tolerance is up to where a statement counts as right.
	Tolerance media.Seconds `json:"tolerance"`
	// Offset is by how much the clock is ahead, at its first statement where it does not keep that; PPM by how much it
	// runs fast; Steps are its jumps.
	Offset media.Seconds `json:"offset"`
	PPM    float64       `json:"drift_ppm"`
	Steps  []Step        `json:"steps,omitempty"`
	// Worst is the largest error.
	Worst media.Seconds `json:"worst"`

	// Samples are its statements, for plots; Missing is where it should be and is not.
	Samples []Sample `json:"-"`
	Missing []Place  `json:"-"`
}

// Names of the clocks that are not simply the source of a statement.
const (
	PTSClock    = "pts"
	DTSClock    = "dts"
	OnFITCClock = string(analyzer.OnFI) + ".tc"
	OnFIClock   = string(analyzer.OnFI) + ".utc"
)

// Sample is one statement of a clock: at a time, in nanoseconds from the epoch, it was wrong by so many nanoseconds.
type Sample struct {
	Frame   int64
	At, Err int64
}

// State says what became of a clock.
type State string

// The states.
const (
	Exact     State = "exact"
	Offset    State = "offset"    // wrong by a constant
	Drifting  State = "drifting"  // runs fast or slow
	Stepped   State = "stepped"   // jumps; between the jumps it may also drift
	Noisy     State = "noisy"     // wrong by this and that
	Gone      State = "gone"      // no statement is left, where there should be one
	Absent    State = "absent"    // no statement, which is as it may be
	Unchecked State = "unchecked" // the truth does not say what would be right
)

// Step is a jump of a clock: from a frame on it is further ahead by so much.
type Step struct {
	Frame int64         `json:"frame"`
	By    media.Seconds `json:"by"`
}

// Names of what a playlist says of a segment, besides its date.
const (
	LengthTag        analyzer.Source = "hls.extinf"
	DiscontinuityTag analyzer.Source = "hls.discontinuity"
)
