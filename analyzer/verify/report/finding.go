package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/media"
)

// Finding is one way in which a stream is not true, wherever it happens.
type Finding struct {
	Kind Kind `json:"kind"`
	// Text says what, how much and where, for people.
	Text string `json:"text"`
	// Allowed: the finding was allowed for and does not make the stream untrue.
	Allowed bool `json:"allowed,omitempty"`
	// Count is how many frames, pictures, events or statements it concerns.
	Count int64 `json:"count,omitempty"`
	// Every is the regular distance of the places in frames, where it is regular.
	Every int64 `json:"every,omitempty"`
	// Clock names the clock that is wrong; Amount is by how much, and PPM how much it runs fast.
	Clock  string         `json:"clock,omitempty"`
	Amount *media.Seconds `json:"amount,omitempty"`
	PPM    *float64       `json:"ppm,omitempty"`
	// Field is the wrong field of the statement, Expected and Found its values at the first of the places, or "nothing".
	Field    string `json:"field,omitempty"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	// Places are where, the first of them where there are very many.
	Places []Place `json:"places,omitempty"`
}

// Place is a stretch of the stream.
type Place struct {
	// First and Last are frames, inclusive. Of unreadable pictures they are the frames that should have stood there.
	First int64 `json:"first_frame"`
	Last  int64 `json:"last_frame"`
	// Time is that of First in seconds from the epoch.
	Time media.Seconds `json:"time"`
	// Pictures is how many pictures it takes in the stream; 0 for frames that are missing.
	Pictures int64 `json:"pictures,omitempty"`
	// Marker is the ID of the event's marker, and By how far it is off in frames, late being positive.
	Marker string `json:"marker,omitempty"`
	By     int64  `json:"by_frames,omitempty"`
}

// MaxPlaces bounds the places of a finding: the count holds how many there are.
const MaxPlaces = 100

// Add counts a place, and keeps the first ones.
func (f *Finding) Add(p Place) {
	if f.Count++; len(f.Places) < MaxPlaces {
		f.Places = append(f.Places, p)
	}
}

// Every is the distance of places whose distance is always the same, 0 otherwise.
func Every(places []Place) int64 {
	const few = 3 // two places are at some distance always
	if len(places) < few {
		return 0
	}
	d := places[1].First - places[0].First
	for i := 2; i < len(places); i++ {
		if places[i].First-places[i-1].First != d {
			return 0
		}
	}
	return d
}

// Plural counts things, whose plural is made with an s.
func Plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Brief is a time rounded to the millisecond, or to the microsecond where that would leave nothing of it.
func Brief(t media.Seconds) string {
	unit := media.Seconds(time.Millisecond)
	if max(t, -t) < 10*unit {
		unit = media.Seconds(time.Microsecond)
	}
	half := unit / 2
	if t < 0 {
		half = -half
	}
	return ((t + half) / unit * unit).String()
}

// IsAre is the verb for so many.
func IsAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Names lists the first of the places by their markers, or else by their frames.
func Names(places []Place) string {
	const few = 5
	var names []string
	for _, p := range places[:min(len(places), few)] {
		text := fmt.Sprintf("frame %d (%s s)", p.First, p.Time)
		if p.Marker != "" {
			text = fmt.Sprintf("%s at frame %d (%s s)", p.Marker, p.First, p.Time)
		}
		names = append(names, text)
	}
	if len(places) > few {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}

// Clock says what became of one clock.
type Clock struct {
	Name  string `json:"clock"`
	State State  `json:"state"`
	// Statements is how many there are, on pictures that could be read; Expected how many there should be, 0 for any number.
	Statements int `json:"statements"`
	Expected   int `json:"expected,omitempty"`
	// Tolerance is up to where a statement counts as right.
	Tolerance media.Seconds `json:"tolerance"`
	// Offset is by how much the clock is ahead, at its first statement if it changes; PPM by how much it is fast; Steps its jumps.
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
	// SoundClock is the time of the sound against that of the pictures: ahead is late.
	SoundClock = "sound"
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
