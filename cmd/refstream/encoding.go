package main

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
)

// encodingFlags are the flags of the encoder: they change the bits, never the truth.
type encodingFlags struct {
	preset, bitrate, encoder, ffmpeg string
	bframes, threads                 int
	lowLatency                       bool
}

func (e *encodingFlags) register(f *pflag.FlagSet) {
	defer under(f, encoderTitle)()
	f.StringVar(&e.encoder, "encoder", "libx264", "ffmpeg's encoder: libx264 or h264_nvenc")
	f.StringVar(&e.preset, "preset", "veryfast", "the encoder's preset")
	f.StringVar(&e.bitrate, "bitrate", "6M", "bit rate in bit/s, with k or M for a thousand or a million")
	f.IntVar(&e.bframes, "bframes", 2, "consecutive B-frames, 0 to 16; below 2 frames/s none are possible")
	f.BoolVar(&e.lowLatency, "low-latency", false, "no lookahead; without --bframes, no B-frames")
	f.StringVar(&e.ffmpeg, "ffmpeg", "ffmpeg", "the ffmpeg program")
	f.IntVar(&e.threads, "threads", 0, "the encoder's threads; 0 lets it choose by the machine")
}

// options makes the encoder's options; given tells which flags were set. Errors name the flag.
func (e *encodingFlags) options(c markers.Channel, given func(string) bool, logger *slog.Logger) (encoder.Options, error) {
	bitrate, err := parseBitrate(e.bitrate)
	if err != nil {
		return encoder.Options{}, fmt.Errorf("--bitrate: %w", err)
	}
	bframes, preset := e.bframes, e.preset
	if (e.lowLatency || c.Rate.Num < 2*c.Rate.Den) && !given("bframes") {
		bframes = 0
	}
	if e.encoder != encoder.X264 && !given("preset") {
		preset = "" // the default is x264's; other encoders have their own
	}
	o := encoder.Options{
		FFmpeg: e.ffmpeg, Encoder: e.encoder, Width: c.Width, Height: c.Height, Rate: c.Rate, GOP: c.FramesPerSegment,
		Preset: preset, Bitrate: bitrate, BFrames: bframes, LowLatency: e.lowLatency, Threads: e.threads,
		PTSOrigin: c.PTSOrigin, Logger: logger,
	}
	return o, nil
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
