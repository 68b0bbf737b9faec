// Package score measures how good a detector of events is: it compares a list of detections with the markers of a stream. And how
// good a monitor is: it compares its alarms with labelled faults.
//
// Detections and markers are paired one to one so that as many as possible are within a tolerance of each other and,
// among all ways to do so, the sum of the distances is smallest. What is left over was missed or is spurious. Times are
// whole nanoseconds from the epoch throughout; only ratios and slopes, which are statistics, are floating point.
//
// Lists are read from JSON (RFC 8259), JSON Lines, CSV (RFC 4180) or a log of ffmpeg.
package score

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Options say how detections are compared.
type Options struct {
	// Tolerance is how far a detection may be from its marker: 0 to an hour.
	Tolerance media.Seconds
	// Offset is added to every detection: for a detector whose clock begins elsewhere.
	Offset media.Seconds
	// From and To bound the markers that could be detected, both inclusive, on the clock of the detections; nil: no bound. Detections
	// outside of them count only where they match a marker.
	From, To *media.Seconds
}

// Limits. Detections and offsets are bounded so that their sums fit 63 bits; the tolerance so that the sum of all
// distances does.
const (
	MaxTolerance = media.Seconds(time.Hour)
	maxInstant   = media.Seconds(4_000_000_000_000_000_000) // 126 years
	// MaxDetections is the longest list: at one a second more than a day.
	MaxDetections = 100_000
	// maxPairs bounds the work and the memory, a byte each: detections times the markers that they are near to.
	maxPairs = 16 << 20
)

// Compute compares detections with the markers of a stream, in any order. An error says which option is wrong.
func Compute(l List, list []markers.Marker, o Options) (Report, error) {
	if o.Tolerance < 0 || o.Tolerance > MaxTolerance {
		return Report{}, fmt.Errorf("score detections: tolerance %s is not in 0 to %s s", o.Tolerance, MaxTolerance)
	}
	if o.Offset < -maxInstant || o.Offset > maxInstant {
		return Report{}, fmt.Errorf("score detections: offset %s is out of range", o.Offset)
	}
	if o.From != nil && o.To != nil && *o.From > *o.To {
		return Report{}, errors.New("score detections: the range ends before it begins")
	}
	truth := references(l.Clock, list, o)
	found := make([]point, 0, len(l.At))
	for i, at := range l.At {
		found = append(found, point{at: at + o.Offset, index: i})
	}
	slices.SortStableFunc(found, comparePoints)
	pairs, err := match(truth, found, o.Tolerance)
	if err != nil {
		return Report{}, fmt.Errorf("score detections: %w", err)
	}
	return newReport(l, list, truth, found, pairs, o), nil
}

// point is a marker, fault or detection: when it begins, the last instant at which a detection of it may begin, and its index in
// the list that it comes from.
type point struct {
	at, until media.Seconds
	index     int
}

func comparePoints(a, b point) int { return cmp.Compare(a.at, b.at) }

// references are the markers of the range on a clock, in order of time.
func references(c Clock, list []markers.Marker, o Options) []point {
	out := make([]point, 0, len(list))
	for i, m := range list {
		p := point{at: c.of(m), until: c.of(m), index: i}
		if o.inRange(p.at) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, comparePoints)
	return out
}

// inRange says whether an instant lies within From and To.
func (o Options) inRange(t media.Seconds) bool {
	return (o.From == nil || t >= *o.From) && (o.To == nil || t <= *o.To)
}

// List is what a detector found: instants on one clock, in nanoseconds from the epoch, in any order.
type List struct {
	Clock Clock
	At    []media.Seconds
}

// Format is the form of a list as text.
type Format string

// The formats.
const (
	// JSON is an array, an object whose member "detections" is one, or JSON Lines. A detection is a number or a string, on
	// the clock that is asked for, or an object with a member named like a clock.
	JSON Format = "json"
	// CSV is rows, separated by commas or tabs, with a header, of which one column is named like a clock, or start, or without a
	// header, of which the first column counts; or it is PySceneDetect's list of scenes.
	CSV Format = "csv"
	// FFmpeg is a log of ffmpeg's filter blackdetect, freezedetect, silencedetect or scdet, in seconds from the first picture.
	FFmpeg Format = "ffmpeg"
)

// Reading says how detections are read.
type Reading struct {
	Format Format
	// Channel is the stream's: its rate, epoch and PTS origin turn what is read into times.
	Channel markers.Channel
	// Clock is the clock of the detections; empty for that of the first detection or the header, or else Time.
	Clock Clock
}
