package annotate

import (
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Time is where the frame is on the HLS clock, as its marker has it: Frame / fps, rounded down to a nanosecond, while PTS
// begins a second later. The rate is not in the record: it is that of the VUI of the picture's SPS, where this gives the frame's
// PTS. Else, and where vui is nil, it is PTS less that second, which at rates that 90000 is no multiple of is up to 11
// microseconds earlier.
func (r *Record) Time(vui *h264.VUI) media.Seconds {
	if vui != nil && vui.TimeScale > 0 && vui.NumUnitsInTick > 0 {
		for _, ticks := range []int64{2, 1} { // in a frame, see FieldBased
			c := markers.Clock{Rate: media.FrameRate{Num: int64(vui.TimeScale), Den: ticks * int64(vui.NumUnitsInTick)}}
			if c.PTS(r.Frame) == r.PTS {
				return c.Time(r.Frame)
			}
		}
	}
	ticks := markers.Clock{Rate: media.FrameRate{Num: media.TicksPerSecond, Den: 1}}
	return ticks.Time(r.PTS - markers.PTSOrigin)
}
