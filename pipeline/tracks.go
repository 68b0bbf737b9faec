package pipeline

import (
	"context"
	"fmt"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Rung is how one of a channel's renditions of pictures is encoded.
type Rung struct {
	markers.Rendition
	// Encoder makes the encoder process of one run, whose units are of a track of that Rendition.
	Encoder func() (encoderProcess, error)
	// Fill is how large each GOP is made with filler; nil for as large as it is.
	Fill *encoder.Budget
}

// soundProcess is one run of an encoder of sound (encoder.Sound).
type soundProcess interface {
	runner
	Write(ctx context.Context, first int64, samples []int16) error
}

// SoundBitrate is that of a channel's sound in bit/s: sample codes and beeps survive less, and people expect this.
const SoundBitrate = 128_000

// Encode has the channel encoded by ffmpeg, its first rendition with the given options: each rendition of Info.Ladder with the same ones,
// but for size and bit rate, and the sound where there is some.
func (c *Channel) Encode(o encoder.Options) {
	c.Encoder, c.Raw, c.Fill, c.Ladder, c.Sound = FFmpeg(o), o.Raw, o.Budget(), nil, nil
	for _, r := range c.Info.Ladder {
		rung := o
		rung.Width, rung.Height, rung.Bitrate, rung.Rendition = r.Width, r.Height, r.Bitrate, r.Name
		c.Ladder = append(c.Ladder, Rung{r, FFmpeg(rung), rung.Budget()})
	}
	if c.Info.Audio {
		sound := encoder.SoundOptions{FFmpeg: o.FFmpeg, Bitrate: SoundBitrate, Rendition: markers.SoundRendition, Stall: o.Stall, Logger: o.Logger,
			Origin: media.MulDivFloor(c.Info.PTSOrigin, media.SampleRate, media.TicksPerSecond)}
		c.Sound = func() (soundProcess, error) { return encoder.NewSound(sound) }
	}
}

// rungs lists all renditions of pictures, the first one first.
func (c *Channel) rungs() []Rung {
	first := Rung{markers.Rendition{Width: c.Info.Width, Height: c.Info.Height, Bitrate: c.Info.Bitrate}, c.Encoder, c.Fill}
	return append([]Rung{first}, c.Ladder...)
}

// name names a rendition in errors.
func (r *Rung) name() string { return markers.RenditionName(r.Width, r.Height) }

// encoders makes the encoders of one run, with faults of pictures or, where p is nil, without.
func (c *chain) encoders(p pictures) (encoderProcess, error) {
	var list []encoderProcess
	for _, r := range c.rungs() {
		enc, err := r.Encoder()
		if err == nil && p != nil {
			enc, err = newSplice(enc, r, &c.Channel, p, c.events)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, enc)
	}
	var further []*member
	for i, r := range c.Ladder {
		renderer, err := generator.NewRendererIn(c.Raw, scenario.Rendition(c.Info, r.Rendition))
		if err != nil {
			return nil, fmt.Errorf("make renderer: %w", err)
		}
		further = append(further, newMember(r.name(), &rungTrack{list[1+i], renderer, make([]byte, renderer.FrameSize())}))
	}
	if c.Sound != nil {
		sound, err := c.Sound()
		if err != nil {
			return nil, err
		}
		further = append(further, newMember("the sound", &soundTrack{soundProcess: sound, rate: c.Info.Rate}))
	}
	if len(further) == 0 {
		return list[0], nil
	}
	first := c.rungs()[0]
	return newGroup(first.name(), list[0], c.events.at, further...), nil
}

// rungTrack makes the pictures of a rendition besides the first.
type rungTrack struct {
	encoderProcess
	renderer *generator.Renderer
	buf      []byte
}

func (r *rungTrack) feed(ctx context.Context, f frame) error {
	if err := r.renderer.Render(r.buf, f.n, generator.Look{Event: f.shows}); err != nil {
		return fmt.Errorf("render frame %d: %w", f.n, err)
	}
	return r.Write(ctx, f.n, r.buf)
}

func (r *rungTrack) finish(context.Context) error { return nil }

// soundTrack makes the sound of the frames: the event of a frame beeps in its samples.
type soundTrack struct {
	soundProcess
	rate media.FrameRate
	// next is the frame that is expected, 0 before the first one; at the sample behind the last that was written.
	next, at int64
	buf      []int16
}

func (s *soundTrack) feed(ctx context.Context, f frame) error {
	if f.n != s.next || s.next == 0 {
		if err := s.finish(ctx); err != nil {
			return err
		}
		// The unit that is cut by the boundary belongs to the frames before, which are not there. Where few are missing there is no
		// room for a new stretch.
		start := whole(s.rate.Sample(f.n)) - encoder.SoundLead
		if s.next == 0 || start > s.at {
			s.at = start
		}
	}
	s.next = f.n + 1
	var beeps []generator.Beep
	if f.shows {
		beeps = append(beeps, generator.Beep{First: s.rate.Sample(f.event.Scheduled), End: s.rate.Sample(f.event.Last + 1)})
	}
	return s.write(ctx, s.rate.Sample(s.next), beeps)
}

// finish fills the unit that the last frame ends in: of the frames behind it, which are not in the stream, no event beeps.
func (s *soundTrack) finish(ctx context.Context) error { return s.write(ctx, whole(s.at), nil) }

// write writes samples up to one.
func (s *soundTrack) write(ctx context.Context, end int64, beeps []generator.Beep) error {
	if end <= s.at {
		return nil
	}
	s.buf = append(s.buf[:0], make([]int16, generator.SoundChannels*(end-s.at))...)
	generator.RenderSamples(s.buf, s.at, beeps)
	if err := s.Write(ctx, s.at, s.buf); err != nil {
		return err
	}
	s.at = end
	return nil
}

// whole is the first sample of a unit at or after one.
func whole(sample int64) int64 {
	return (sample + aac.UnitSamples - 1) / aac.UnitSamples * aac.UnitSamples
}
