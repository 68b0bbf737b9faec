package units

import (
	"errors"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

const hour = int64(3600e9) // nanoseconds

// errNothing refuses a fault whose parameters ask for no change.
var errNothing = errors.New("nothing would change: use another value than 0")

func seiOffset() kind {
	return kind{
		Kind: seiKind(scenario.Kind{
			Name: "sei.offset", Doc: "The messages are wrong by a constant: timecode and frame number by whole frames, the nearest, the other times by all of it.",
			Params: []scenario.Param{
				{Name: "frames", Doc: "how far in frames, negative for earlier ones", Type: scenario.Whole, Default: "0", Min: -100_000, Max: 100_000},
				{Name: "by", Doc: "how far in time, in place of frames", Type: scenario.Length, Default: "0s", Min: -hour, Max: hour},
			},
			Check: func(f scenario.Fault, clock markers.Clock) error {
				frames, by := f.Params["frames"].N, f.Params["by"].N
				switch {
				case frames == 0 && by == 0:
					return errNothing
				case frames != 0 && by != 0:
					return errors.New("there are frames and by: use one of them")
				case f.First+frames < 0 || clock.Rate.Nanos(f.First)+by < 0:
					return errors.New("the messages would be of a time before the epoch: begin later, or use a smaller offset")
				}
				return nil
			},
			Alarms: []string{"sei_offset", "timecode_offset"}, Expects: []string{"clock_step"}, Tolerates: []string{"clock_offset", "misreported"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			if k := j.Params["frames"].N; k != 0 {
				n := j.au.Frame
				return j.shifted(j.r.clock.Rate.Nanos(n+k) - j.r.clock.Rate.Nanos(n))
			}
			return j.shifted(j.Params["by"].N)
		},
	}
}

func seiDrift() kind {
	return kind{
		Kind: seiKind(scenario.Kind{
			Name: "sei.drift", Doc: "The messages run fast or slow from the fault's first frame on: timecode and frame number by whole frames, the nearest.",
			Params: []scenario.Param{
				{Name: "ppm", Doc: "how much fast, in millionths, negative for slow", Type: scenario.Whole, Default: "1000", Min: -100_000, Max: 100_000},
			},
			Check: func(f scenario.Fault, _ markers.Clock) error {
				if f.Params["ppm"].N == 0 {
					return errNothing
				}
				return nil
			},
			Alarms: []string{"sei_drift", "timecode_drift"}, Expects: []string{"clock_step", "clock_noise", "clock_drift"}, Tolerates: []string{"misreported"},
			Implies: []string{"sei.offset"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			rate := j.r.clock.Rate
			// Microseconds: a drift of 10 % over a year fits.
			past := (rate.Nanos(j.au.Frame) - rate.Nanos(j.First)) / 1000
			return j.shifted(past * j.Params["ppm"].N / 1000)
		},
	}
}

// shifted is the unit with messages of a time that is ns nanoseconds later.
func (j *job) shifted(ns int64) ([]media.Unit, bool) {
	clock := j.r.clock
	frames := clock.Rate.Frames(ns)
	return j.edit(func(w message, payload []byte) []byte {
		switch w {
		case timecode:
			if frames == 0 {
				return payload
			}
			return j.r.retimed(payload, func(p *h264.PicTiming) {
				p.Timestamps[0] = annotate.Timestamp(clock, j.au.Frame+frames, p.Timestamps[0].FieldBased)
			})
		case misb:
			t, ok := h264.ParseMISBTime(payload)
			if !ok {
				return payload
			}
			t.Micros += uint64(ns / 1000)
			return t.Append(nil)
		}
		r, err := annotate.ParseRecord(payload[len(annotate.RecordUUID):])
		if err != nil {
			return payload
		}
		r.PTS += clock.PTS(r.Frame+frames) - clock.PTS(r.Frame)
		r.Frame += frames
		r.GenNS += ns
		return r.AppendJSON([]byte(annotate.RecordUUID))
	})
}
