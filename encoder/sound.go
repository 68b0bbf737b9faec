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
	// settling is how many units at the start of a stretch of sound differ from those of one that began before: they are encoded
	// and dropped.
	settling = 2
	// SoundLead is how many samples before its first unit a stretch begins that a Sound is given.
	SoundLead = settling * aac.UnitSamples
	// The range of ffmpeg's encoder in which a sample code and a beep survive.
	minSoundBitrate, maxSoundBitrate = 48_000, 320_000
	soundChannels                    = 2
	soundEncoder                     = "aac"
)

// SoundOptions are what a Sound makes. Bitrate must be set.
type SoundOptions struct {
	// FFmpeg is the program's name, looked up in PATH, or its path; empty means "ffmpeg".
	FFmpeg string
	// Bitrate is the average rate in bit/s, 48000 to 320000.
	Bitrate int64
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
	case o.Stall < 0:
		return fmt.Errorf("stall time %s is negative: use 0 to turn the watchdog off", o.Stall)
	}
	return nil
}

// Sound is an ffmpeg process that encodes stereo sound of 48 kHz as AAC-LC, for one run as an Encoder is. Its units hold 1024
// samples each, from a multiple of 1024 on, so that those of one run continue those of another. It is given one stretch of samples
// or several.
//
// One goroutine calls Run, another Write and then CloseInput.
type Sound struct {
	process
	o     SoundOptions
	track *media.Track

	mu        sync.Mutex
	stretches []stretch // those of which ffmpeg has units still, and the one that is written
}

// stretch is samples that follow one another.
type stretch struct {
	next, end int64 // the first sample of the next unit, and the one after the last that was written
	dropped   int   // units, up to settling
}

// NewSound makes a Sound. It returns an error when the options are wrong, and starts nothing.
func NewSound(o SoundOptions) (*Sound, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("make encoder of sound: %w", err)
	}
	d := Options{FFmpeg: o.FFmpeg, Logger: o.Logger}.withDefaults()
	track, err := SoundTrack(o.Rendition)
	if err != nil {
		return nil, fmt.Errorf("make encoder of sound: %w", err)
	}
	s := &Sound{o: o, track: track}
	s.process = newProcess(d.FFmpeg, o.arguments(), o.Stall, d.Logger, s.pending)
	return s, nil
}

// SoundTrack is the track of the units that a Sound of that rendition makes.
func SoundTrack(rendition string) (*media.Track, error) {
	track, err := aac.Config{ObjectType: aac.LC, SampleRate: media.SampleRate, Channels: soundChannels}.Track()
	if err == nil {
		track.Rendition = rendition
	}
	return track, err
}

func (o SoundOptions) arguments() []string {
	in := ffmpeg.Input("pipe:0", ffmpeg.KwArgs{"format": "s16le", "ar": media.SampleRate, "ch_layout": "stereo"})
	return in.Output("pipe:1", ffmpeg.KwArgs{"c:a": soundEncoder, "b:a": o.Bitrate, "format": "adts", "flush_packets": "1"}).
		GlobalArgs(quietly()...).GetArgs()
}

// Write gives ffmpeg the samples from one on, 16 bits for the left channel, then for the right. Where they do not begin with the
// one at which the Write before ended, they begin a stretch: with a multiple of 1024, later than all before, which must end with a
// whole unit. The first unit of a stretch is the one SoundLead samples behind its start. It waits and fails as Encoder.Write does.
func (s *Sound) Write(ctx context.Context, first int64, samples []int16) error {
	b := make([]byte, 0, 2*len(samples))
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	err := s.write(ctx, b, fmt.Sprintf("sample %d", first), func() error {
		return s.give(first, len(samples))
	})
	if err != nil {
		return fmt.Errorf("encode sound from sample %d on: %w", first, err)
	}
	return nil
}

// give notes samples that are written.
func (s *Sound) give(first int64, values int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if values%soundChannels != 0 {
		return fmt.Errorf("%d values are not whole samples", values)
	}
	n := len(s.stretches)
	if n == 0 || s.stretches[n-1].end != first {
		if first%aac.UnitSamples != 0 {
			return fmt.Errorf("a stretch can't begin there: use a multiple of %d", aac.UnitSamples)
		}
		if n > 0 && (s.stretches[n-1].end%aac.UnitSamples != 0 || s.stretches[n-1].end > first) {
			return fmt.Errorf("the stretch before ends with sample %d: that must be earlier, and the end of a unit", s.stretches[n-1].end-1)
		}
		s.stretches = append(s.stretches, stretch{next: first, end: first})
		n++
	}
	s.stretches[n-1].end += int64(values / soundChannels)
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
	for delayed := false; ; delayed = true {
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
		if !delayed {
			continue
		}
		first, ok := s.take()
		if !ok {
			s.progress.Add(1)
			continue
		}
		pts := s.o.Origin + first
		u := media.Unit{Track: s.track, Frame: first, PTS: pts, DTS: pts, Key: true, Sound: unit[h.Start:]}
		if err := s.hand(u, handle); err != nil {
			return err
		}
	}
}

// take counts a unit that ffmpeg has written. It is not to be passed on where it begins a stretch, and where ffmpeg has filled it up.
func (s *Sound) take() (first int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.stretches) > 1 && s.stretches[0].next == s.stretches[0].end {
		s.stretches = s.stretches[1:]
	}
	if len(s.stretches) == 0 || s.stretches[0].next+aac.UnitSamples > s.stretches[0].end {
		return 0, false
	}
	now := &s.stretches[0]
	first = now.next
	now.next += aac.UnitSamples
	if now.dropped < settling {
		now.dropped++
		return 0, false
	}
	return first, true
}

// pending lists the first samples of the units that ffmpeg still has.
func (s *Sound) pending() (list []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.stretches {
		for n := t.next + int64(settling-t.dropped)*aac.UnitSamples; n+aac.UnitSamples <= t.end; n += aac.UnitSamples {
			list = append(list, n)
		}
	}
	return list
}
