package score

import "github.com/refstream/refstream/markers"

// List is what a detector found: instants on one clock, in nanoseconds from the epoch, in any order.
type List struct {
	Clock Clock
	At    []markers.Seconds
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
	// Clock is the clock of the detections; empty for that which the first detection or the header names, or else Time.
	Clock Clock
}
