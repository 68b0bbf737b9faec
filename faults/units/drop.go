package units

import (
	"slices"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

func unitDrop() kind {
	return kind{
		Kind: scenario.Kind{
			Name: "unit.drop", Layer: scenario.LayerUnit, Property: "unit", Default: second(), Params: pickParams(),
			Doc:    "Coded pictures are lost, with all that belongs to them: there is a gap in PTS. What refers to them is shown wrongly, to the next IDR picture.",
			Alarms: []string{"frame_loss", "missing_frame", "pts_gap", "drop"}, Expects: []string{"missing"},
			Tolerates: []string{"collateral", "unreadable", "repeated", "out_of_order", "clock_gaps", "clock_step", "segment_length", "misreported", "dts", "event_late", "event_missed", "event_length",
				"extinf", "segment_content", "variants_differ"},
			Oracle: "ffmpeg framemd5 against the clean twin; ffprobe packets",
		},
		spoils: []sort{reference, idr},
		do: func(j *job) ([]media.Unit, bool) {
			if why, ok := j.picked(); !ok {
				return j.keep(why)
			}
			return nil, true
		},
	}
}

func unitRepeat() kind {
	return kind{
		Kind: scenario.Kind{
			Name: "unit.repeat", Layer: scenario.LayerUnit, Property: "unit", Default: second(), Params: pickParams(),
			Doc: "Coded pictures are there twice, the second time with the same bytes, PTS and DTS. One that others refer to is decoded against itself the " +
				"second time, and spoils them.",
			Alarms: []string{"duplicate_frame", "repeat", "dts_not_increasing"}, Expects: []string{"repeated", "doubled"},
			Tolerates: []string{"collateral", "unreadable", "missing", "out_of_order"},
			Oracle:    "ffprobe packets; ffmpeg framemd5 against the clean twin",
		},
		spoils: []sort{reference},
		do: func(j *job) ([]media.Unit, bool) {
			if why, ok := j.picked(); !ok {
				return j.keep(why)
			}
			again := j.au
			again.NALs = slices.Clone(j.au.NALs)
			return []media.Unit{j.au, again}, true
		},
	}
}
