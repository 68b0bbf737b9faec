package encoder

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	ffmpeg "github.com/u2takey/ffmpeg-go"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/media"
)

const (
	// settling is how many units of an encoder that has just begun differ from those of one that runs on: they are encoded and
	// dropped.
	settling = 2
	// SoundLead is how many samples before the first unit the input of a Sound begins.
	SoundLead = settling * aac.UnitSamples
	// The range of ffmpeg's encoder in which a sample code and a beep survive.
	minSoundBitrate, maxSoundBitrate = 48_000, 320_000
	soundChannels                    = 2
)

// SoundOptions are what a Sound makes. Bitrate must be set.
type SoundOptions struct {
	// FFmpeg is the program's name, looked up in PATH, or its path; empty means "ffmpeg".
	FFmpeg string
	// Bitrate is the average rate in bit/s, 48000 to 320000.
	Bitrate int64
	// First is the first sample of the first unit, a multiple of 1024.
	First int64
	// Origin is the PTS of sample 0 in ticks of the sample rate.
	Origin int64
	// Rendition names the units' track; it may be empty.
	Rendition string
	// Stall is as in Options.
	Stall time.Duration
	// Logger logs ffmpeg's messages; nil discards them.
	Logger *slog.Logger
}

// Validate reports what is wrong, with a hint.
func (o SoundOptions) Validate() error {
	switch {
	case o.Bitrate < minSoundBitrate || o.Bitrate > maxSoundBitrate:
		return fmt.Errorf("bitrate of sound of %d bit/s is not possible: use %d to %d", o.Bitrate, minSoundBitrate, maxSoundBitrate)
	case o.First%aac.UnitSamples != 0:
		return fmt.Errorf("sample %d does not begin a unit: use a multiple of %d", o.First, aac.UnitSamples)
	case o.Stall < 0:
		return fmt.Errorf("stall time %s is negative: use 0 to turn the watchdog off", o.Stall)
	}
	return nil
}

// Sound is an ffmpeg process that encodes stereo sound of 48 kHz as AAC-LC, for one run as an Encoder is. Its units hold 1024
// samples each, from a multiple of 1024 on, so that those of one run continue those of another.
//
// One goroutine calls Run, another Write and then CloseInput.
type Sound struct {
	process
	o     SoundOptions
	track *media.Track

	mu sync.Mutex
	// given is the sample after the last that was written, next the first one of the next unit.
	given, next int64
}

// NewSound makes a Sound. It returns an error when the options are wrong, and starts nothing.
func NewSound(o SoundOptions) (*Sound, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("make encoder of sound: %w", err)
	}
	d := Options{FFmpeg: o.FFmpeg, Logger: o.Logger}.withDefaults()
	track, err := aac.Config{ObjectType: aac.LC, SampleRate: media.SampleRate, Channels: soundChannels}.Track()
	if err != nil {
		return nil, fmt.Errorf("make encoder of sound: %w", err)
	}
	track.Rendition = o.Rendition
	s := &Sound{o: o, track: track, given: o.First - SoundLead, next: o.First}
	s.process = newProcess(d.FFmpeg, o.arguments(), o.Stall, d.Logger, s.pending)
	return s, nil
}

func (o SoundOptions) arguments() []string {
	in := ffmpeg.Input("pipe:0", ffmpeg.KwArgs{"format": "s16le", "ar": media.SampleRate, "ac": soundChannels})
	return in.Output("pipe:1", ffmpeg.KwArgs{"c:a": "aac", "b:a": o.Bitrate, "format": "adts", "flush_packets": "1"}).
		GlobalArgs(quietly()...).GetArgs()
}

// Write gives ffmpeg the samples from one on, 16 bits for the left channel, then for the right. The first Write begins SoundLead
// samples before SoundOptions.First, each other one where the one before ended. It waits and fails as Encoder.Write does.
func (s *Sound) Write(ctx context.Context, first int64, samples []int16) error {
	b := make([]byte, 0, 2*len(samples))
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	err := s.write(ctx, b, fmt.Sprintf("sample %d", first), func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if first != s.given || len(samples)%soundChannels != 0 {
			return fmt.Errorf("%d values do not continue the sound, which is at sample %d", len(samples), s.given)
		}
		s.given += int64(len(samples) / soundChannels)
		return nil
	})
	if err != nil {
		return fmt.Errorf("encode sound from sample %d on: %w", first, err)
	}
	return nil
}

// Run starts ffmpeg and gives its units to handle, one at a time: Frame is the number of the first sample, PTS and DTS are
// SoundOptions.Origin + Frame. The handler may keep the units. Samples after the last whole unit come to nothing.
//
// It returns as Encoder.Run does.
func (s *Sound) Run(ctx context.Context, handle func(media.Unit) error) error {
	return s.run(ctx, func(ctx context.Context, stdout io.Reader) error {
		err := s.deliver(bufio.NewReader(stdout), handle)
		if ctx.Err() != nil {
			return nil // run returns the context's error
		}
		return err
	}, func() error { return nil })
}

// deliver passes units on until the output ends. The delay of ffmpeg's encoder is one unit.
func (s *Sound) deliver(r *bufio.Reader, handle func(media.Unit) error) error {
	for skip := 1 + settling; ; skip-- {
		b, err := r.Peek(aac.HeaderSize)
		if len(b) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		h, err := aac.ParseHeader(b)
		if err != nil {
			return fmt.Errorf("read ffmpeg's output: %w", err)
		}
		unit := make([]byte, h.Size)
		if _, err := io.ReadFull(r, unit); err != nil {
			return fmt.Errorf("read ffmpeg's output: %w", err)
		}
		if codec := h.CodecString(); codec != s.track.CodecString || h.SampleRate != media.SampleRate || h.Channels != soundChannels {
			return fmt.Errorf("read ffmpeg's output: it has %s, %d Hz, %d channels", codec, h.SampleRate, h.Channels)
		}
		if skip > 0 {
			s.progress.Add(1)
			continue
		}
		first, whole := s.take()
		if !whole {
			continue // ffmpeg has filled it up
		}
		pts := s.o.Origin + first
		u := media.Unit{Track: s.track, Frame: first, PTS: pts, DTS: pts, Key: true, Sound: unit[h.Start:]}
		if err := s.hand(u, handle); err != nil {
			return err
		}
	}
}

// take counts a unit that ffmpeg has written; whole is false where not all of its samples were written.
func (s *Sound) take() (first int64, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next+aac.UnitSamples > s.given {
		return 0, false
	}
	s.next += aac.UnitSamples
	return s.next - aac.UnitSamples, true
}

// pending lists the first samples of the units that ffmpeg still has.
func (s *Sound) pending() (list []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := s.next; n+aac.UnitSamples <= s.given; n += aac.UnitSamples {
		list = append(list, n)
	}
	return list
}
