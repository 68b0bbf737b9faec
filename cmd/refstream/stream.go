package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/server"
)

// streamFlags are the flags that state what the stream shows and how it is cut: the truth depends on them.
type streamFlags struct {
	scenario.Settings
	size, fps, epoch, seed, ladder string
	// firstBitrate is that of the ladder's first rendition, 0 where it has none.
	firstBitrate int64
	given        func(flag string) bool // set by registerTracks
}

// Defaults of the offline commands, which give the same result whenever they are run.
const (
	offlineEpoch = "2000-01-01T00:00:00Z"
	offlineSeed  = "1"
)

func (s *streamFlags) register(f *pflag.FlagSet, epoch, epochHelp, seed, seedHelp string) {
	defer under(f, streamTitle)()
	d := scenario.DefaultSettings()
	f.StringVar(&s.Name, "channel", d.Name, "name of the channel: lower-case letters, digits, - and _")
	f.StringVar(&s.size, "size", fmt.Sprintf("%dx%d", d.Width, d.Height), "picture size in pixels, both even")
	f.StringVar(&s.fps, "fps", d.Rate.String(), "frames per second, 1 to 240: 25, 12.5, 30000/1001 or the like\n(23.976, 29.97, 47.952, 59.94 and 119.88 are names for fractions over 1001)")
	f.DurationVar(&s.Segment, "segment", d.Segment, "length of a segment and GOP, to the nearest whole frame")
	f.BoolVar(&s.DropFrame, "drop-frame", false, "drop-frame timecode (30000/1001 and 60000/1001)")
	f.StringVar(&s.seed, "seed", seed, seedHelp)
	f.StringVar(&s.epoch, "epoch", epoch, epochHelp)
	f.DurationVar(&s.EventEvery, "event-every", d.EventEvery, "mean time between the starts of events")
	f.DurationVar(&s.EventLength, "event-length", d.EventLength, "length of an event")
	f.IntVar(&s.Noise, "noise", 0, "noise of brightness over the board: its standard deviation in levels of 255, 0 to 64")
	f.IntVar(&s.Block, "block", 0, "side of the board's squares in pixels, to what divides it evenly; 0 chooses by the size")
	f.IntVar(&s.Roll, "roll", 0, "pixels that the board moves to the left a frame, even, negative to the right; 0 chooses")
}

// standardLadder is what --ladder standard stands for.
const standardLadder = "1920x1080@6M,1280x720@3M,640x360@800k"

// registerTracks registers the flags of what a stream has besides its first pictures.
func (s *streamFlags) registerTracks(f *pflag.FlagSet) {
	defer under(f, streamTitle)()
	s.given = f.Changed
	f.BoolVar(&s.Audio, "audio", false, "with sound: 48 kHz stereo AAC, which beeps while an event shows and names each second")
	f.StringVar(&s.ladder, "ladder", markers.NoLadder, "renditions of the same frames, the largest first, as SIZE@BITRATE: 1280x720@3M,854x480@1500k,640x360@800k;\n"+
		"the first takes the place of --size and --bitrate; standard is "+standardLadder)
}

// parseLadder reads --ladder into the size, the first bit rate and the other renditions.
func (s *streamFlags) parseLadder() error {
	text := s.ladder
	switch text {
	case "", markers.NoLadder:
		return nil
	case "standard":
		text = standardLadder
	}
	for i, rung := range strings.Split(text, ",") {
		size, rate, rated := strings.Cut(strings.TrimSpace(rung), "@")
		w, h, err := parseSize(size)
		if err != nil {
			return fmt.Errorf("%w: write SIZE@BITRATE with commas between, such as 1280x720@3M,640x360@800k, or standard", err)
		}
		r := markers.Rendition{Name: markers.RenditionName(w, h), Width: w, Height: h}
		if rated {
			if r.Bitrate, err = parseBitrate(rate); err != nil {
				return fmt.Errorf("%s: %w", size, err)
			}
		}
		switch {
		case i > 0 && !rated:
			return fmt.Errorf("%s has no bit rate: write it as %s@800k", size, size)
		case i > 0:
			s.Ladder = append(s.Ladder, r)
		case s.given("size") && (w != s.Width || h != s.Height):
			return fmt.Errorf("its first rendition is %s, and --size is %s: leave --size out, or begin with that", size, s.size)
		default:
			s.Width, s.Height, s.firstBitrate = w, h, r.Bitrate
		}
	}
	if s.Ladder == nil {
		return errors.New("it has one rendition: name two or more, or use --size and --bitrate")
	}
	return nil
}

// applyLadder gives the first rendition the bit rate that the ladder has for it.
func (e *encodingFlags) applyLadder(s *streamFlags) error {
	switch {
	case s.firstBitrate == 0:
	case s.given("bitrate") && e.Bitrate != s.firstBitrate:
		return fmt.Errorf("--ladder: its first rendition has %d bit/s, and --bitrate is %s: leave one of them out", s.firstBitrate, e.bitrate)
	default:
		e.Bitrate = s.firstBitrate
	}
	return nil
}

// parse reads the flags that are texts. now is what the epoch "now" means. Errors name the flag.
func (s *streamFlags) parse(now time.Time) (err error) {
	if s.Rate, err = media.ParseFrameRate(s.fps); err != nil {
		return fmt.Errorf("--fps: %w", err)
	}
	if s.Width, s.Height, err = parseSize(s.size); err != nil {
		return fmt.Errorf("--size: %w", err)
	}
	if err = s.parseLadder(); err != nil {
		return fmt.Errorf("--ladder: %w", err)
	}
	if s.Epoch, err = parseEpoch(s.epoch, now); err != nil {
		return fmt.Errorf("--epoch: %w", err)
	}
	if s.Seed, err = parseSeed(s.seed); err != nil {
		return fmt.Errorf("--seed: %w", err)
	}
	return nil
}

// channelInfo makes the channel's description from the flags.
func (s *streamFlags) channelInfo(now time.Time) (markers.Channel, error) {
	if err := s.parse(now); err != nil {
		return markers.Channel{}, err
	}
	return s.Channel()
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

// parseSeed reads a seed, or draws one.
func parseSeed(s string) (uint64, error) {
	if s == "random" {
		return scenario.RandomSeed()
	}
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number from 0 to 2^53-1, nor \"random\"", s)
	}
	return v, nil
}

// encodingFlags are the flags of the encoder: they change the bits, never the truth.
type encodingFlags struct {
	server.Encoding
	bitrate string
}

func (e *encodingFlags) register(f *pflag.FlagSet) {
	defer under(f, encoderTitle)()
	d := server.Defaults().Encoding
	f.StringVar(&e.Encoder, "encoder", d.Encoder, "ffmpeg's encoder: libx264 or h264_nvenc")
	f.StringVar((*string)(&e.Raw), "raw", string(d.Raw), "what pictures are rendered in for ffmpeg: rgb24, or yuv420p, which takes less processor time; the stream is\n"+
		"the same within a level")
	f.StringVar(&e.Preset, "preset", d.Preset, "the encoder's preset")
	f.StringVar(&e.bitrate, "bitrate", fmt.Sprintf("%dM", d.Bitrate/1_000_000), "bit rate in bit/s, with k or M for a thousand or a million")
	f.StringVar(&e.RateControl, "rate", d.RateControl, "capped: what the pictures need, up to the bit rate; cbr: each segment is filled up to it with filler data")
	f.IntVar(&e.BFrames, "bframes", d.BFrames, "consecutive B-frames, 0 to 16; below 2 frames/s none are possible")
	f.BoolVar(&e.LowLatency, "low-latency", false, "no lookahead; without --bframes, no B-frames")
	f.StringVar(&e.FFmpeg, "ffmpeg", "ffmpeg", "the ffmpeg program")
	f.IntVar(&e.Threads, "threads", 0, "the encoder's threads; 0 lets it choose by the machine")
}

// parse reads the flags that are texts. The error names the flag.
func (e *encodingFlags) parse() (err error) {
	if err := e.Check(); err != nil {
		return err
	}
	if e.Bitrate, err = parseBitrate(e.bitrate); err != nil {
		return fmt.Errorf("--bitrate: %w", err)
	}
	return nil
}

func parseBitrate(s string) (int64, error) {
	digits, unit := s, int64(1)
	switch {
	case strings.HasSuffix(s, "k"), strings.HasSuffix(s, "K"):
		digits, unit = s[:len(s)-1], 1000
	case strings.HasSuffix(s, "M"):
		digits, unit = s[:len(s)-1], 1000_000
	}
	whole, frac, _ := strings.Cut(digits, ".")
	if len(frac) > 3 || frac != "" && unit == 1 {
		return 0, fmt.Errorf("%q is not a bit rate such as 6M, 2.5M, 800k or 800000", s)
	}
	v, err := strconv.ParseInt(whole+frac, 10, 64)
	for range frac {
		unit /= 10
	}
	if err != nil || v <= 0 || v > 1_000_000_000/unit {
		return 0, fmt.Errorf("%q is not a bit rate such as 6M, 2.5M, 800k or 800000, of at most 1000M", s)
	}
	return v * unit, nil
}

// describe is one line for people about what the stream is.
func describe(c markers.Channel) string {
	return fmt.Sprintf("channel %s: %dx%d, %s frames/s, segments of %d frames (%s s), seed %d, epoch %s",
		c.Name, c.Width, c.Height, c.Rate, c.FramesPerSegment, c.Clock().Time(c.FramesPerSegment), c.Seed,
		c.Epoch.Format(time.RFC3339Nano))
}
