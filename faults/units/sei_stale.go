package units

import (
	"fmt"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// seiKind fills in what the kinds of SEI have in common.
func seiKind(k scenario.Kind) scenario.Kind {
	k.Layer, k.Property = scenario.LayerSEI, "sei"
	k.Default = scenario.Span{Nanos: 5e9}
	k.Params = append([]scenario.Param{messageParam()}, k.Params...)
	k.Oracle = "ffmpeg trace_headers; ffprobe frames"
	return k
}

func seiMissing() kind {
	return kind{
		Kind: seiKind(scenario.Kind{
			Name: "sei.missing", Doc: "The pictures have no such SEI messages.",
			Alarms: []string{"sei_missing", "timecode_missing"}, Expects: []string{"clock_gaps"}, Tolerates: []string{"clock_gone"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			return j.edit(func(message, []byte) []byte { return nil })
		},
	}
}

func seiLate() kind {
	return kind{
		Kind: seiKind(scenario.Kind{
			Name: "sei.late",
			Doc:  "The messages are those of an earlier frame. One that is decoded later, as B-frames are, has none to give: use more frames than there are B-frames.",
			Params: []scenario.Param{
				{Name: "frames", Doc: "how many frames earlier", Type: scenario.Whole, Default: "25", Min: 1, Max: maxLate},
			},
			Alarms: []string{"sei_late", "timecode_offset"}, Expects: []string{"clock_step"}, Tolerates: []string{"clock_offset", "misreported", "event_late"},
			Implies: []string{"sei.offset"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			n := j.au.Frame - j.Params["frames"].N
			for _, s := range j.r.said {
				if s.frame == n {
					return j.replaced(s.messages)
				}
			}
			return j.keep(fmt.Sprintf("frame %d is not decoded before frame %d", n, j.au.Frame))
		},
	}
}

func seiFrozen() kind {
	return kind{
		Kind: seiKind(scenario.Kind{
			Name: "sei.frozen", Doc: "The messages stay those of the first of its frames that is decoded.",
			Alarms: []string{"sei_frozen", "timecode_frozen"}, Expects: []string{"clock_noise", "clock_step"}, Tolerates: []string{"clock_drift", "misreported"},
			Implies: []string{"sei.late", "sei.offset"},
		}),
		do: func(j *job) ([]media.Unit, bool) {
			if !j.begun {
				j.begun, j.first = true, messagesOf(j.au)
				return j.keep("it has no more than one frame")
			}
			return j.replaced(j.first)
		},
	}
}
