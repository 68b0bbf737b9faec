package markers

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/refstream/refstream/media"
)

// maxName is the length of the longest channel name in bytes: with the longest suffix that a file of the channel
// gets it stays well under the 255 bytes that file systems allow.
const maxName = 64

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// MaxFrame is the largest frame number: 126 years at 240 frames/s, which is as long as a stream's clock runs. Times that are
// computed from it at a slow rate are the latest that there are (media.FrameRate).
const MaxFrame = 4_000_000_000 * media.MaxRate

// Limits of an event that somebody triggers.
const (
	// MaxEventSeconds is how long it may be, unless the channel's scheduled events are longer.
	MaxEventSeconds = 600
	// MaxText is the length of its text in characters: what fits a line of a table and of a playlist.
	MaxText = 120
)

// CheckChannelName reports why name can't name a channel. A name is a folder, a part of addresses and of Redis keys, so
// it is 1 to 64 letters, digits, '-', '_' and '.', and does not begin with '.'.
func CheckChannelName(name string) error { return checkName("channel", name) }

// CheckSource reports why name can't name a source of detections: one is named as a channel is.
func CheckSource(name string) error { return checkName("source", name) }

func checkName(what, name string) error {
	if name == "" || len(name) > maxName || name[0] == '.' || strings.Trim(name, nameBytes) != "" {
		return fmt.Errorf("%q can't name a %s: use 1 to %d letters, digits, '-', '_' and '.', not '.' first", name, what, maxName)
	}
	return nil
}

// Validate reports why c does not describe a channel whose clocks can be computed.
func (c Channel) Validate() error {
	if err := CheckChannelName(c.Name); err != nil {
		return err
	}
	if c.Rate.Num < 1 || c.Rate.Den < 1 {
		return fmt.Errorf("channel %s has no frame rate", c.Name)
	}
	if c.FramesPerSegment < 1 {
		return fmt.Errorf("channel %s has %d frames per segment: at least 1 is needed", c.Name, c.FramesPerSegment)
	}
	return nil
}

// SameStream reports whether o tells the same frames on the same clocks as c, so that the records of both can stand in
// one log. Run, picture size, window and generator may differ.
func (c Channel) SameStream(o Channel) bool {
	return c.Name == o.Name && c.Epoch.Equal(o.Epoch) && c.Rate == o.Rate && c.Seed == o.Seed &&
		c.FramesPerSegment == o.FramesPerSegment && c.DropFrame == o.DropFrame && c.PTSOrigin == o.PTSOrigin
}

// LongestEvent is the longest that an event of the channel can be, scheduled or triggered, in frames.
func (c Channel) LongestEvent() int64 { return max(c.EventLength, MaxEventSeconds*c.Rate.Base()) }

// Validate reports why no log can hold the record.
func (r FrameRecord) Validate() error { return checkFrames(r.Frame, r.Frame) }

// Validate reports why no log can hold the record.
func (r MissingRecord) Validate() error {
	if id := (ID{r.Frame, 1}); r.Place != (ID{}) && r.Place.Compare(id) <= 0 {
		return fmt.Errorf("its place %s is not behind %s", r.Place, id)
	}
	return checkFrames(r.Frame, r.LastFrame)
}

// Validate reports why no log can hold the record.
func (r SegmentRecord) Validate() error {
	if r.MSN < 0 {
		return fmt.Errorf("media sequence number %d is negative", r.MSN)
	}
	return checkFrames(r.FirstFrame, r.LastFrame)
}

// Validate reports why no log can hold the record.
func (m Marker) Validate() error {
	return checkFrames(m.ScheduledFrame, m.Frame, m.LastFrame)
}

// Validate reports why no log can hold the record. Whether a channel can show the event is for Check.
func (r Trigger) Validate() error { return checkFrames(r.Frame, r.LastFrame) }

// Check reports why no generator of the channel takes the trigger, as the API does before it writes one.
func (r Trigger) Check(c Channel) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if n, longest := r.LastFrame-r.Frame+1, c.LongestEvent(); n > longest {
		return fmt.Errorf("an event of %d frames is too long: at most %d are allowed", n, longest)
	}
	return CheckText(r.Text)
}

// Touches reports whether two events have no frame without an event between them.
func (r Trigger) Touches(o Trigger) bool { return r.Frame <= o.LastFrame+1 && o.Frame <= r.LastFrame+1 }

// CheckText refuses a triggered event's text where it would break a line, wherever that is shown.
func CheckText(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("text is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(text); n > MaxText {
		return fmt.Errorf("text has %d characters: at most %d are allowed", n, MaxText)
	}
	for _, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("text holds the control character %U", r)
		}
	}
	return nil
}

// checkFrames refuses frame numbers that are out of range or go back.
func checkFrames(frames ...int64) error {
	before := int64(0)
	for _, n := range frames {
		switch {
		case n < 0 || n > MaxFrame:
			return fmt.Errorf("frame %d is not in 0 to %d", n, int64(MaxFrame))
		case n < before:
			return fmt.Errorf("it ends with frame %d, before frame %d", n, before)
		}
		before = n
	}
	return nil
}

// Validate reports the first record that no log can hold.
func (b Batch) Validate() error {
	for _, err := range []error{
		checkAll(Frames, b.Frames), checkAll(Missing, b.Missing), checkAll(Markers, b.Markers),
		checkAll(Segments, b.Segments), checkAll(Triggers, b.Triggers), checkAll(Detections, b.Detections),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkAll[T record[T]](k Kind, recs []T) error {
	for i, r := range recs {
		if err := r.Validate(); err != nil {
			return fmt.Errorf("record %d of %s, %s: %w", i, k, r.RecordID(), err)
		}
	}
	return nil
}

func checkKind(k Kind) error {
	for _, known := range Kinds() {
		if k == known {
			return nil
		}
	}
	return fmt.Errorf("there are no records of kind %q", string(k))
}
