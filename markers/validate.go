package markers

import (
	"fmt"
	"strings"
)

// maxChannelName is the length of the longest channel name in bytes: with the longest suffix that a file of the channel
// gets it stays well under the 255 bytes that file systems allow.
const maxChannelName = 64

const channelNameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// CheckChannelName reports why name can't name a channel. A name is a folder, a part of addresses and of Redis keys, so
// it is 1 to 64 letters, digits, '-', '_' and '.', and does not begin with '.'.
func CheckChannelName(name string) error {
	if name == "" || len(name) > maxChannelName || name[0] == '.' || strings.Trim(name, channelNameBytes) != "" {
		return fmt.Errorf("%q can't name a channel: use 1 to %d letters, digits, '-', '_' and '.', not '.' first",
			name, maxChannelName)
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
// one log. Run, picture size and window may differ.
func (c Channel) SameStream(o Channel) bool {
	return c.Name == o.Name && c.Epoch.Equal(o.Epoch) && c.Rate == o.Rate && c.Seed == o.Seed &&
		c.FramesPerSegment == o.FramesPerSegment && c.DropFrame == o.DropFrame && c.PTSOrigin == o.PTSOrigin
}

// Validate reports the first record that no log can hold: one with a negative frame.
func (b Batch) Validate() error {
	for _, err := range []error{
		checkIDs(Frames, b.Frames), checkIDs(Missing, b.Missing), checkIDs(Markers, b.Markers),
		checkIDs(Segments, b.Segments), checkIDs(Triggers, b.Triggers),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkIDs[T record[T]](k Kind, recs []T) error {
	for i, r := range recs {
		if id := r.RecordID(); id.Frame < 0 || id.Sub < 1 {
			return fmt.Errorf("record %d of %s has the id %s: frames are not negative", i, k, id)
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
