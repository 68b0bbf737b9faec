// Package sounds holds the faults of sound: it rewrites the coded units of the clean channel's sound. A kind is done to the units that
// are heard within the fault's frames alone, with what the decoder makes of them and the next one: all other samples stay as they are. No
// kind needs an encoder.
package sounds

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

const (
	// heard is how many samples the decoder makes of a unit, in part out of the next one.
	heard = 2 * aac.UnitSamples
	// shortest is how many samples a fault must have, so that one unit at least is heard within it.
	shortest = heard + aac.UnitSamples - 1
)

// kind is an entry of the catalogue with what it does.
type kind struct {
	scenario.Kind
	// do makes the faulty units of one that the fault covers.
	do func(f scenario.Fault, u media.Unit) ([]media.Unit, error)
}

func table() []kind {
	const farthest = int64(10 * time.Second)
	return []kind{
		{
			scenario.Kind{
				Name: "sound.silence", Property: "samples", Default: scenario.Span{Nanos: 5e9},
				Doc:    "There is no sound in both channels: the coded units are silent ones, with their own time stamps.",
				Alarms: []string{"silencedetect", "silence", "audio_silence"}, Oracle: "ffmpeg silencedetect",
			},
			func(_ scenario.Fault, u media.Unit) ([]media.Unit, error) {
				u.Sound = aac.Silence()
				return []media.Unit{u}, nil
			},
		},
		{
			scenario.Kind{
				Name: "sound.clip", Property: "samples", Default: scenario.Span{Nanos: 5e9},
				Doc: "The left channel is too loud and clips: its ticks and codes are beyond full scale. Between them there is nothing to hear of it. What is coded of both " +
					"channels together is louder in both.",
				Params: []scenario.Param{{Name: "gain", Doc: "how much louder in dB, in steps of 1.5", Type: scenario.Whole, Default: "24", Min: 12, Max: 36}},
				Alarms: []string{"clipping", "audio_clip", "overload"}, Oracle: "ffmpeg astats",
			},
			func(f scenario.Fault, u media.Unit) (_ []media.Unit, err error) {
				u.Sound, err = aac.Louder(u.Sound, int(f.Params["gain"].N)*aac.StepsPer6dB/6)
				return []media.Unit{u}, err
			},
		},
		{
			scenario.Kind{
				Name: "sound.drop", Property: "units", Default: scenario.Span{Nanos: 1e9},
				Doc:    "The coded units are lost: there is a gap in the PTS of the sound.",
				Alarms: []string{"audio_loss", "audio_gap", "pts_gap"}, Oracle: "ffprobe packets",
			},
			func(scenario.Fault, media.Unit) ([]media.Unit, error) { return nil, nil },
		},
		{
			scenario.Kind{
				Name: "sound.repeat", Property: "units", Default: scenario.Span{Nanos: 1e9},
				Doc:    "The coded units are there twice, the second time with the same bytes and PTS.",
				Alarms: []string{"duplicate_audio", "audio_repeat", "dts_not_increasing"}, Oracle: "ffprobe packets",
			},
			func(_ scenario.Fault, u media.Unit) ([]media.Unit, error) { return []media.Unit{u, u}, nil },
		},
		{
			scenario.Kind{
				Name: "sound.offset", Property: "stamps", Default: scenario.Span{Nanos: 10e9},
				Doc: "The sound is early or late against the pictures: its PTS are those of another time. Its samples stay as they are.",
				Params: []scenario.Param{{
					Name: "by", Doc: "how much later it is heard, a negative time earlier", Type: scenario.Length, Default: "200ms", Min: -farthest, Max: farthest,
				}},
				Check: func(f scenario.Fault, clock markers.Clock) error {
					switch by := samplesOf(f); {
					case by == 0:
						return errors.New("by is less than a sample, which changes nothing: use a longer time")
					case clock.Rate.Sample(f.First)+by < 0:
						return errors.New("the time stamps would be before the first of the stream: begin later, or use a shorter time")
					}
					return nil
				},
				Alarms: []string{"av_sync", "lip_sync", "av_offset"}, Oracle: "ffprobe packets; the onset of beeps by correlation",
			},
			func(f scenario.Fault, u media.Unit) ([]media.Unit, error) {
				u.PTS, u.DTS = u.PTS+samplesOf(f), u.DTS+samplesOf(f)
				return []media.Unit{u}, nil
			},
		},
	}
}

// samplesOf is the parameter by in samples, rounded towards zero.
func samplesOf(f scenario.Fault) int64 { return f.Params["by"].N * media.SampleRate / 1e9 }

// Kinds lists the kinds of the layer.
func Kinds() (list []*scenario.Kind) {
	for _, k := range table() {
		own := k.Check
		k.Layer = scenario.LayerSound
		k.Tolerates = []string{"extinf", "segment_content", "variants_differ", "segment_length"} // of gaps and verify, which measure the sound too
		k.Check = func(f scenario.Fault, clock markers.Clock) error {
			if clock.Rate.Sample(f.Last+1)-clock.Rate.Sample(f.First) < shortest {
				return fmt.Errorf("no coded unit of sound is heard in so few frames alone: use %d ms or more", (shortest*1000+media.SampleRate-1)/media.SampleRate)
			}
			if own != nil {
				return own(f, clock)
			}
			return nil
		}
		list = append(list, &k.Kind)
	}
	return list
}

// Rewriter makes the sound of a faulty stream out of that of the clean one. It is not safe for concurrent use.
type Rewriter struct {
	plan   *scenario.Plan
	clock  markers.Clock
	report faults.Report
	kinds  map[string]kind
}

// New makes the Rewriter of a plan, which may have faults of other layers too, on the clock of the clean channel.
func New(plan *scenario.Plan, clock markers.Clock, report faults.Report) *Rewriter {
	r := &Rewriter{plan, clock, report, map[string]kind{}}
	for _, k := range table() {
		r.kinds[k.Name] = k
	}
	return r
}

// Unit is what the faulty stream has in place of the next unit of the clean one's sound: none, one or several units. u is not
// changed, and shares with them what stays of it. PTS may go back. The error is a unit that is not as the encoder makes them.
func (r *Rewriter) Unit(u media.Unit) ([]media.Unit, error) {
	list := []media.Unit{u}
	if !r.plan.Needs(scenario.LayerSound) {
		return list, nil
	}
	rate := r.clock.Rate
	for _, f := range r.plan.At(rate.FrameAtSample(u.Frame), scenario.LayerSound) {
		if u.Frame < rate.Sample(f.First) || u.Frame+heard > rate.Sample(f.Last+1) {
			continue
		}
		var out []media.Unit
		for _, one := range list {
			made, err := r.kinds[f.Kind.Name].do(f, one)
			if err != nil {
				return nil, fmt.Errorf("fault %s: sample %d: %w", f.ID, u.Frame, err)
			}
			out = append(out, made...)
		}
		r.done(f, u, list, out)
		list = out
	}
	return list, nil
}

// done reports what became of a unit, for each frame that it is heard in.
func (r *Rewriter) done(f scenario.Fault, u media.Unit, clean, altered []media.Unit) {
	if slices.EqualFunc(clean, altered, func(a, b media.Unit) bool { return a.PTS == b.PTS && bytes.Equal(a.Sound, b.Sound) }) {
		return
	}
	c := faults.Change{Fault: f.Key(), Clean: hash(clean), Altered: hash(altered)}
	for n := r.clock.Rate.FrameAtSample(u.Frame); n <= r.clock.Rate.FrameAtSample(u.Frame+heard-1); n++ {
		c.Frame, c.Spoiled = n, n
		r.report(c)
		c.Clean, c.Altered = "", ""
	}
}

func hash(list []media.Unit) string {
	var b []byte
	for _, u := range list {
		b = append(b, u.Sound...)
	}
	return faults.Hash(b)
}
