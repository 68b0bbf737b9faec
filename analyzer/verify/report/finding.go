package report

import (
	"fmt"
	"strings"
	"time"

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
	// Field is the field of the statement that is wrong, Expected what it should say and Found what it says, at the first of
	// the places. What is not there is "nothing".
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

// MaxPlaces bounds the places of a finding: the count says how many there are.
const MaxPlaces = 100

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
