package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// streamFlags are the flags that say what the stream shows and how it is cut: the truth depends on them.
type streamFlags struct {
	channel, size, fps, epoch, seed          string
	segment, window, eventEvery, eventLength time.Duration
	dropFrame                                bool
	noise, block, roll                       int
}

// Defaults of the offline commands, which give the same result whenever they are run.
const (
	offlineEpoch = "2000-01-01T00:00:00Z"
	offlineSeed  = "1"
)

// Limits of a segment: a GOP of one frame would be all key frames, and a longer one than ten minutes helps no player.
const (
	minSegmentFrames  = 2
	maxSegmentSeconds = 600
)

func (s *streamFlags) register(f *pflag.FlagSet, epoch, epochHelp, seed, seedHelp string) {
	defer under(f, streamTitle)()
	f.StringVar(&s.channel, "channel", "main", "name of the channel: lower-case letters, digits, - and _")
	f.StringVar(&s.size, "size", "1280x720", "picture size in pixels, both even")
	f.StringVar(&s.fps, "fps", "30", "frames per second, 1 to 240: 25, 12.5, 30000/1001 or the like\n(23.976, 29.97, 47.952, 59.94 and 119.88 are names for fractions over 1001)")
	f.DurationVar(&s.segment, "segment", 2*time.Second, "length of a segment and GOP, to the nearest whole frame")
	f.BoolVar(&s.dropFrame, "drop-frame", false, "drop-frame timecode (30000/1001 and 60000/1001)")
	f.StringVar(&s.seed, "seed", seed, seedHelp)
	f.StringVar(&s.epoch, "epoch", epoch, epochHelp)
	f.DurationVar(&s.eventEvery, "event-every", 20*time.Second, "mean time between the starts of events")
	f.DurationVar(&s.eventLength, "event-length", 2*time.Second, "length of an event")
	f.IntVar(&s.noise, "noise", 0, "noise of brightness over the board: its standard deviation in levels of 255, 0 to 64")
	f.IntVar(&s.block, "block", 0, "side of the board's squares in pixels, to what divides it evenly; 0 chooses by the size")
	f.IntVar(&s.roll, "roll", 0, "pixels that the board moves to the left a frame, even, negative to the right; 0 chooses by size\nand rate")
}

// channelInfo makes the channel's description from the flags. now is what the epoch "now" means. Errors name the flag.
func (s *streamFlags) channelInfo(now time.Time) (markers.Channel, error) {
	c := markers.Channel{
		Name: s.channel, Run: 1, DropFrame: s.dropFrame, PTSOrigin: markers.PTSOrigin, Noise: s.noise, Block: s.block, Roll: s.roll,
	}
	var err error
	if c.Rate, err = media.ParseFrameRate(s.fps); err != nil {
		return c, fmt.Errorf("--fps: %w", err)
	}
	if c.Width, c.Height, err = parseSize(s.size); err != nil {
		return c, fmt.Errorf("--size: %w", err)
	}
	if c.Epoch, err = parseEpoch(s.epoch, now); err != nil {
		return c, fmt.Errorf("--epoch: %w", err)
	}
	if c.Seed, err = parseSeed(s.seed); err != nil {
		return c, fmt.Errorf("--seed: %w", err)
	}
	c.FramesPerSegment = c.Rate.Frames(s.segment.Nanoseconds())
	if longest := maxSegmentSeconds * c.Rate.Base(); c.FramesPerSegment < minSegmentFrames || c.FramesPerSegment > longest {
		return c, fmt.Errorf("--segment: %v is %d frames at %s frames/s: use %d to %d frames, such as 2s",
			s.segment, c.FramesPerSegment, c.Rate, minSegmentFrames, longest)
	}
	c.EventEvery = c.Rate.Frames(s.eventEvery.Nanoseconds())
	c.EventLength = c.Rate.Frames(s.eventLength.Nanoseconds())
	if s.eventLength <= 0 || c.EventLength < 1 {
		return c, fmt.Errorf("--event-length: %v is less than a frame: use a length such as 2s", s.eventLength)
	}
	if c.EventEvery < c.EventLength+2 {
		return c, fmt.Errorf("--event-every: %v leaves no quiet time between events of %v: use a longer time, or a shorter --event-length",
			s.eventEvery, s.eventLength)
	}
	segment := time.Duration(c.Rate.Nanos(c.FramesPerSegment))
	c.Window = int64((s.window + segment - 1) / segment)
	return c, scenario.Picture(c).Validate()
}

func parseSize(s string) (w, h int, err error) {
	a, b, ok := strings.Cut(s, "x")
	w, err1 := strconv.Atoi(a)
	h, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil {
		return 0, 0, fmt.Errorf("%q is not a size such as 1280x720", s)
	}
	return w, h, nil
}

func parseEpoch(s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now.UTC().Truncate(time.Millisecond), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, fmt.Errorf("%q is not an instant such as 2026-01-31T12:00:00Z, nor \"now\"", s)
	}
	return t.UTC(), nil
}

// parseSeed reads a seed; "random" draws one that is short enough to be typed again.
func parseSeed(s string) (uint64, error) {
	if s == "random" {
		var b [4]byte
		if _, err := rand.Read(b[:]); err != nil {
			return 0, fmt.Errorf("draw random seed: %w", err)
		}
		return uint64(binary.BigEndian.Uint32(b[:])), nil
	}
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number from 0 to 2^53-1, nor \"random\"", s)
	}
	return v, nil
}

// describe is one line for people about what the stream is.
func describe(c markers.Channel) string {
	return fmt.Sprintf("channel %s: %dx%d, %s frames/s, segments of %d frames (%s s), seed %d, epoch %s",
		c.Name, c.Width, c.Height, c.Rate, c.FramesPerSegment, c.Clock().Time(c.FramesPerSegment), c.Seed,
		c.Epoch.Format(time.RFC3339Nano))
}

// scheduledMarkers gives the markers of the scheduled events that show in frames first to last to each, in order, until
// that fails. GEN is virtual: every frame is produced at its nominal time.
func scheduledMarkers(c markers.Channel, first, last int64, each func(markers.Marker) error) error {
	shows, err := scenario.New(c)
	if err != nil {
		return err
	}
	for n := first; ; {
		ev := shows.Next(n)
		if ev.First > last {
			return nil
		}
		n = ev.Last + 1
		begin := max(ev.First, first)
		ev.Last = min(ev.Last, last)
		if err := each(markers.Plan(c, shows.Show(ev, begin, "")).At(c.Clock().UTC(begin), c.Epoch)); err != nil {
			return err
		}
	}
}
