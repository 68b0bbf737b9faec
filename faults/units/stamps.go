package units

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// ticksOf is a length of time in 90 kHz ticks, rounded towards zero.
func ticksOf(ns int64) int64 { return ns * 9 / 100_000 }

// stamped is the unit with other time stamps.
func (j *job) stamped(pts, dts int64) ([]media.Unit, bool) {
	if pts == j.au.PTS && dts == j.au.DTS {
		return j.keep("it is too short: the time stamps of its units would not change by a tick")
	}
	out := j.au
	out.PTS, out.DTS = pts, dts
	return []media.Unit{out}, true
}

// stampKind fills in what the kinds of time stamps have in common.
func stampKind(k scenario.Kind) scenario.Kind {
	k.Layer, k.Property = scenario.LayerStamps, "stamps"
	k.Oracle = "ffprobe packets"
	k.Tolerates = append(k.Tolerates, "extinf", "segment_content", "variants_differ") // of gaps
	return k
}

func ptsStep() kind {
	return kind{
		Kind: stampKind(scenario.Kind{
			Name: "pts.step", Grid: true, Default: scenario.Span{Segments: 3},
			Doc: "PTS and DTS of whole segments are those of another time, and return after them. Nothing announces it, and the PCR stays as it was.",
			Params: []scenario.Param{
				{Name: "by", Doc: "how far the time stamps step, a negative time back", Type: scenario.Length, Default: "3s", Min: -hour, Max: hour},
			},
			Check: func(f scenario.Fault, clock markers.Clock) error {
				by := ticksOf(f.Params["by"].N)
				switch {
				case by == 0:
					return errNothing
				case clock.PTS(f.First)+by < markers.PTSOrigin:
					return errors.New("the time stamps would be before the first of the stream: begin later, or use a shorter step")
				}
				return nil
			},
			Alarms: []string{"pts_step", "discontinuity", "timestamp_jump"}, Expects: []string{"clock_step"}, Implies: []string{"freeze"},
			Tolerates: []string{"dts", "segment_length", "clock_offset", "clock_gaps", "doubled", "added", "out_of_order", "pcr_discontinuity_indicator_error"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			by := ticksOf(j.Params["by"].N)
			return j.stamped(j.au.PTS+by, j.au.DTS+by)
		},
	}
}

func ptsDrift() kind {
	return kind{
		Kind: stampKind(scenario.Kind{
			Name: "pts.drift", Default: scenario.Span{Nanos: 60e9},
			Doc: "PTS and DTS run fast or slow from the fault's first frame on, and jump back at its end. The PCR stays as it was.",
			Params: []scenario.Param{
				{Name: "ppm", Doc: "how much fast, in millionths, negative for slow", Type: scenario.Whole, Default: "1000", Min: -100_000, Max: 100_000},
			},
			Check: func(f scenario.Fault, _ markers.Clock) error {
				if f.Params["ppm"].N == 0 {
					return errNothing
				}
				return nil
			},
			Alarms: []string{"pts_drift", "clock_drift"}, Expects: []string{"clock_noise", "clock_drift"}, Tolerates: []string{"clock_step", "dts", "segment_length"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			start := j.r.clock.PTS(j.First)
			drifted := func(t int64) int64 { return t + max(0, t-start)*j.Params["ppm"].N/1_000_000 }
			return j.stamped(drifted(j.au.PTS), drifted(j.au.DTS))
		},
	}
}

func ptsJitter() kind {
	return kind{
		Kind: stampKind(scenario.Kind{
			Name: "pts.jitter", Default: scenario.Span{Nanos: 5e9},
			Doc: "The PTS of each frame is early or late by another time, at random, and the DTS is never after it. The order of the frames stays.",
			Params: []scenario.Param{
				{Name: "by", Doc: "how far at the most, less than half of a frame", Type: scenario.Length, Default: "2ms", Min: 1e6, Max: 499e6},
			},
			Check: func(f scenario.Fault, clock markers.Clock) error {
				if by := f.Params["by"].N; 2*by >= clock.Rate.Nanos(1) {
					return fmt.Errorf("by is half of a frame or more: use less than %d ms, so that frames stay in order", (clock.Rate.Nanos(1)/2+999_999)/1_000_000)
				}
				return nil
			},
			Alarms: []string{"pts_jitter", "uneven_pts"}, Expects: []string{"clock_noise"}, Tolerates: []string{"dts", "segment_length"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			draw := rand.New(rand.NewPCG(j.Draw, uint64(j.au.Frame)))
			by := 1 + draw.Int64N(ticksOf(j.Params["by"].N)) // never 0: each frame is off
			if draw.IntN(2) == 0 {
				by = -by
			}
			return j.stamped(j.au.PTS+by, min(j.au.DTS, j.au.PTS+by))
		},
	}
}

func ptsEqual() kind {
	return kind{
		Kind: stampKind(scenario.Kind{
			Name: "pts.equal", Doc: "All frames of the fault have the PTS of its last one.", Default: scenario.Span{Frames: 2},
			Check: func(f scenario.Fault, _ markers.Clock) error {
				if f.First == f.Last {
					return errors.New("it has one frame, and no other to have an equal PTS: use two frames or more")
				}
				return nil
			},
			Alarms: []string{"pts_equal", "duplicate_pts", "pts_not_increasing"}, Expects: []string{"clock_step"},
			Tolerates: []string{"clock_noise", "clock_gaps", "misreported", "doubled", "added", "dts", "segment_length"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			if j.au.Frame == j.Last {
				return j.keep("")
			}
			return j.stamped(j.r.clock.PTS(j.Last), j.au.DTS)
		},
	}
}

func dtsAfterPTS() kind {
	return kind{
		Kind: stampKind(scenario.Kind{
			Name: "dts.after_pts", Doc: "The frames are to be decoded after they are shown. PTS and PCR stay as they were.", Default: scenario.Span{Frames: 1},
			Params: []scenario.Param{
				{Name: "by", Doc: "how long after", Type: scenario.Length, Default: "40ms", Min: 1e6, Max: 10e9},
			},
			Alarms: []string{"dts_after_pts", "invalid_timestamps"}, Expects: []string{"dts"},
			// A monitor counts the time by DTS, and ffmpeg guesses the PTS of such pictures.
			Tolerates: []string{"clock_step", "clock_noise", "clock_gaps", "misreported", "doubled", "added", "out_of_order", "segment_length",
				"pat_error", "pmt_error", "pcr_repetition_error", "pcr_discontinuity_indicator_error", "pts_error"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			return j.stamped(j.au.PTS, j.au.PTS+ticksOf(j.Params["by"].N))
		},
	}
}
