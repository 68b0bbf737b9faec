package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

var errSoundDied = errors.New("exit status 9")

// fakeSound does what encoder.Sound promises, without ffmpeg. A unit holds the samples themselves.
type fakeSound struct {
	dies   int // after so many units, 0 for never
	input  chan stretchOfSound
	closed chan struct{}
	ended  chan struct{}
	at     int64
	held   []int16 // of the unit that is not whole
	drop   int     // units
	units  int
}

type stretchOfSound struct {
	first   int64
	samples []int16
}

func newFakeSound() *fakeSound {
	return &fakeSound{input: make(chan stretchOfSound), closed: make(chan struct{}), ended: make(chan struct{}), at: -1 << 62}
}

func (s *fakeSound) Write(ctx context.Context, first int64, samples []int16) error {
	select {
	case s.input <- stretchOfSound{first, append([]int16{}, samples...)}:
		return nil
	case <-s.ended:
		return errors.New("the encoder has ended")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeSound) CloseInput() { close(s.closed) }

func (s *fakeSound) Run(ctx context.Context, handle func(media.Unit) error) error {
	defer close(s.ended)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closed:
			return nil
		case in := <-s.input:
			if err := s.take(in, handle); err != nil {
				return err
			}
		}
	}
}

func (s *fakeSound) take(in stretchOfSound, handle func(media.Unit) error) error {
	if in.first != s.at {
		if in.first%aac.UnitSamples != 0 || len(s.held) > 0 || in.first < s.at {
			return fmt.Errorf("samples from %d on after %d, with %d that are in no unit", in.first, s.at, len(s.held)/2)
		}
		s.at, s.drop = in.first, encoder.SoundLead/aac.UnitSamples
	}
	s.at += int64(len(in.samples) / 2)
	s.held = append(s.held, in.samples...)
	for ; len(s.held) >= 2*aac.UnitSamples; s.held = s.held[2*aac.UnitSamples:] {
		first := s.at - int64(len(s.held)/2)
		if s.units++; s.units == s.dies {
			return errSoundDied
		}
		if s.drop > 0 {
			s.drop--
			continue
		}
		var pcm []byte
		for _, v := range s.held[:2*aac.UnitSamples] {
			pcm = append(pcm, byte(v), byte(uint16(v)>>8))
		}
		u := media.Unit{Track: &media.Track{Codec: media.AAC, Timescale: media.SampleRate, Rendition: markers.SoundRendition},
			Frame: first, PTS: media.SampleRate + first, DTS: media.SampleRate + first, Key: true, Sound: pcm}
		if err := handle(u); err != nil {
			return err
		}
	}
	return nil
}

// right is the right channel of units of a fakeSound.
func right(units []media.Unit) (list []int16) {
	for _, u := range units {
		for i := 2; i < len(u.Sound); i += 2 * generator.SoundChannels {
			list = append(list, int16(uint16(u.Sound[i])|uint16(u.Sound[i+1])<<8))
		}
	}
	return list
}
