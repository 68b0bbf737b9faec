package markers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/media"
)

// Channel describes one stream: everything that its clocks and its picture depend on.
type Channel struct {
	Name string `json:"channel"`
	// Run counts the generator's starts in one data directory, from 1.
	Run int64 `json:"run"`
	// Epoch is the nominal UTC of frame 0, a whole number of milliseconds.
	Epoch time.Time `json:"epoch"`
	// Rate is the number of frames per second, FramesPerSegment the length of a segment and of a GOP in frames.
	Rate             media.FrameRate `json:"fps"`
	FramesPerSegment int64           `json:"frames_per_segment"`
	DropFrame        bool            `json:"drop_frame"`
	// PTSOrigin is the PTS of frame 0 in 90 kHz ticks.
	PTSOrigin int64  `json:"pts_origin"`
	Seed      uint64 `json:"seed"`
	// Width and Height are the picture's size in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// EventEvery is the mean distance between the starts of scheduled events, EventLength their length, in frames.
	EventEvery  int64 `json:"event_every_frames"`
	EventLength int64 `json:"event_length_frames"`
	// Noise is the standard deviation of the noise over the board, in levels of 255; Block the side of its squares and Roll
	// by how much it moves to the left a frame, in pixels, each 0 where refstream chooses it.
	Noise int `json:"noise,omitempty"`
	Block int `json:"block,omitempty"`
	Roll  int `json:"roll,omitempty"`
	// Window is how long segments stay published, in segments.
	Window int64 `json:"window_segments"`
	// Bitrate is what the encoder aims at, in bit/s, and KeepMarkers how long markers are kept, each 0 where that is not known. They
	// are those of the last start, for the next one.
	Bitrate     int64         `json:"bitrate,omitempty"`
	KeepMarkers media.Seconds `json:"keep_markers_seconds,omitempty"`
	// RateControl is cbr where segments are filled up to Bitrate, at the last start; empty where they are not.
	RateControl string `json:"rate_control,omitempty"`
	// Container is what segments are packed in, such as ts,fmp4, at the last start; empty for MPEG-TS alone.
	Container string `json:"container,omitempty"`
	// Audio is set where the channel has sound: a track of rendition SoundRendition, with the samples that media.FrameRate counts.
	Audio bool `json:"audio,omitempty"`
	// Ladder lists the renditions besides the first one, which has Width, Height and Bitrate, the largest first.
	Ladder []Rendition `json:"ladder,omitempty"`
	// DASH: there is a manifest of DASH too, and so fragmented MP4 beside Container.
	DASH bool `json:"dash,omitempty"`
	// Scenarios are those of the channel's faulty twins, CHANNEL-SCENARIO, at the last start.
	Scenarios []string `json:"scenarios,omitempty"`
	// Generator is the id of the data directory in which the channel is generated, empty where it has none. Two generators
	// of one stream have the same frames, and two ids: what they measure differs.
	Generator string `json:"generator,omitempty"`
}

// SoundRendition is the name of the rendition that is the channel's sound. No rendition of pictures has it.
const SoundRendition = "audio"

// Rendition describes the pictures of one of a channel's renditions: those of the same frames, in another size.
type Rendition struct {
	// Name is the Rendition of its track: CheckRendition. RenditionName makes it.
	Name string `json:"name"`
	// Width and Height are its size in pixels, Bitrate what its encoder aims at, in bit/s.
	Width   int   `json:"width"`
	Height  int   `json:"height"`
	Bitrate int64 `json:"bitrate"`
}

// String is the rendition as --ladder takes it: 640x360@800k.
func (r Rendition) String() string {
	rate := strconv.FormatInt(r.Bitrate, 10)
	switch {
	case r.Bitrate%1_000_000 == 0:
		rate = strconv.FormatInt(r.Bitrate/1_000_000, 10) + "M"
	case r.Bitrate%1000 == 0:
		rate = strconv.FormatInt(r.Bitrate/1000, 10) + "k"
	}
	return RenditionName(r.Width, r.Height) + "@" + rate
}

// RenditionName names a rendition by its size, as 640x360.
func RenditionName(width, height int) string { return fmt.Sprintf("%dx%d", width, height) }

// Clock is the channel's clock.
func (c Channel) Clock() Clock {
	return Clock{Rate: c.Rate, Epoch: c.Epoch, FramesPerSegment: c.FramesPerSegment, DropFrame: c.DropFrame}
}

// Sample is the first sample of sound of frame n; none where the channel has no sound.
func (c Channel) Sample(n int64) Number {
	if !c.Audio {
		return Number{}
	}
	return Number{c.Rate.Sample(n), true}
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

// SameStream reports whether o describes the same frames on the same clocks as c, so that the records of both can be in
// one log. Run, picture size, window and generator may differ.
func (c Channel) SameStream(o Channel) bool {
	return c.Name == o.Name && c.Epoch.Equal(o.Epoch) && c.Rate == o.Rate && c.Seed == o.Seed &&
		c.FramesPerSegment == o.FramesPerSegment && c.DropFrame == o.DropFrame && c.PTSOrigin == o.PTSOrigin
}

// LongestEvent is the longest that an event of the channel can be, scheduled or triggered, in frames.
func (c Channel) LongestEvent() int64 { return max(c.EventLength, MaxEventSeconds*c.Rate.Base()) }

// Setting is a property of a channel by the name of the flag that sets it, with a value as the flag takes it.
type Setting struct{ Name, Value string }

// Identity lists the settings that frame numbers, media sequence numbers, events and boxes depend on: what was written of a
// channel can only be continued with the same ones.
func (c Channel) Identity() []Setting {
	length := func(frames int64) string { return time.Duration(c.Rate.Nanos(frames)).String() }
	return []Setting{
		{"fps", c.Rate.String()},
		{"size", fmt.Sprintf("%dx%d", c.Width, c.Height)},
		{"seed", strconv.FormatUint(c.Seed, 10)},
		{"epoch", c.Epoch.UTC().Format(time.RFC3339Nano)},
		{"drop-frame", strconv.FormatBool(c.DropFrame)},
		{"segment", length(c.FramesPerSegment)},
		{"event-every", length(c.EventEvery)},
		{"event-length", length(c.EventLength)},
		{"noise", strconv.Itoa(c.Noise)},
		{"block", strconv.Itoa(c.Block)},
		{"roll", strconv.Itoa(c.Roll)},
		{"audio", strconv.FormatBool(c.Audio)},
		{"ladder", c.ladder()},
	}
}

// NoLadder is the value of --ladder of a channel with one rendition.
const NoLadder = "none"

// ladder is all renditions of pictures as --ladder takes them, the first one without its bit rate.
func (c Channel) ladder() string {
	if len(c.Ladder) == 0 {
		return NoLadder
	}
	text := RenditionName(c.Width, c.Height)
	for _, r := range c.Ladder {
		text += "," + r.String()
	}
	return text
}

// maxName is the length of the longest channel name in bytes: with the longest suffix that a file of the channel
// gets it stays well under the 255 bytes that file systems allow.
const maxName = 64

const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// CheckChannelName reports why name can't name a channel. A name is a folder, a part of addresses and of Redis keys, so
// it is 1 to 64 letters, digits, '-', '_' and '.', and does not begin with '.'.
func CheckChannelName(name string) error { return checkName("channel", name) }

// CheckSource reports why name can't name a source of detections: one is named as a channel is.
func CheckSource(name string) error { return checkName("source", name) }

// CheckRendition reports why name can't name a rendition of a channel. The first one's is empty; a further one's has up to 64 lower-case
// letters, digits, '-' and '_': it is a part of Redis keys and of names of files, which some systems compare without regard to case.
func CheckRendition(name string) error {
	if len(name) > maxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return fmt.Errorf("%q can't name a rendition: use up to %d lower-case letters, digits, '-' and '_'", name, maxName)
	}
	return nil
}

func checkName(what, name string) error {
	if name == "" || len(name) > maxName || name[0] == '.' || strings.Trim(name, nameBytes) != "" {
		return fmt.Errorf("%q can't name a %s: use 1 to %d letters, digits, '-', '_' and '.', not '.' first", name, what, maxName)
	}
	return nil
}
