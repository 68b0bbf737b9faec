package packets

import (
	"errors"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// stamps is the kinds of wrong clocks and time stamps (2.3, 2.5).
func stamps() []kind {
	by := scenario.Param{Name: "by", Doc: "how far the PCR steps, a negative time back", Type: scenario.Length, Default: "500ms",
		Min: -int64(time.Hour), Max: int64(time.Hour)}
	// each makes a change in every packet that has what it changes.
	each := func(why string, change func(f scenario.Fault, u unit, p ts.Packet) bool) func(scenario.Fault, unit) ([]ts.Packet, string) {
		return func(f scenario.Fault, u unit) ([]ts.Packet, string) {
			why := why
			for _, p := range u.packets {
				if change(f, u, p) {
					why = ""
				}
			}
			return u.packets, why
		}
	}
	const noPCR = "the frame has no PCR"
	pcr := []string{"TR101290.2.3", "PCR_error"}
	return []kind{
		{
			Kind: scenario.Kind{
				Name: "ts.pcr_absent", Property: "pcr", Doc: "The packets have no PCR.",
				Default: scenario.Span{Nanos: int64(2 * time.Second)}, Check: atLeast(time.Second), // more than the 500 ms of verify in decoding order
				Alarms: append(pcr[:2:2], "TR101290.2.3a", "PCR_repetition_error"), Expects: []string{"pcr_repetition_error"},
				Tolerates: []string{"pcr_discontinuity_indicator_error"}, Oracle: "tsreport -b -v",
			},
			change: each(noPCR, func(_ scenario.Fault, _ unit, p ts.Packet) bool { return p.DropPCR() }),
		},
		{
			Kind: scenario.Kind{
				Name: "ts.pcr_step", Property: "pcr", Doc: "The PCR steps, unannounced, and steps back at the end. PTS and DTS stay.",
				Grid: true, Default: scenario.Span{Segments: 1}, Params: []scenario.Param{by},
				Check: func(f scenario.Fault, _ markers.Clock) error {
					const limit = int64(100 * time.Millisecond) // 2.3b
					if d := f.Params[by.Name].N; -limit <= d && d <= limit {
						return errors.New("by: a step of up to 100ms is no error: use a longer time")
					}
					return nil
				},
				Alarms:  append(pcr[:2:2], "TR101290.2.3b", "PCR_discontinuity_indicator_error"),
				Expects: []string{"pcr_discontinuity_indicator_error"}, Oracle: "tsreport -b -v",
			},
			change: each(noPCR, func(f scenario.Fault, _ unit, p ts.Packet) bool {
				_, ok := p.PCR()
				p.ShiftPCR(f.Params[by.Name].N * media.TicksPerSecond / int64(time.Second))
				return ok
			}),
		},
		{
			Kind: scenario.Kind{
				Name: "ts.announced", Property: "pcr", Doc: "discontinuity_indicator is set where a PCR is, as before a step, and none steps.",
				Decoy: true, Default: scenario.Span{Frames: 1}, Oracle: "tsreport -b -v",
			},
			change: each(noPCR, func(_ scenario.Fault, _ unit, p ts.Packet) bool {
				_, ok := p.PCR()
				return ok && p.MarkBreak()
			}),
		},
		{
			Kind: scenario.Kind{
				Name: "ts.pts_rare", Property: "pts", Doc: "The PES packets of the video have neither PTS nor DTS.",
				Default: scenario.Span{Nanos: int64(2 * time.Second)}, Check: atLeast(1500 * time.Millisecond), // more than 700 ms in decoding order
				Alarms: []string{"TR101290.2.5", "PTS_error"}, Expects: []string{"pts_error"}, Tolerates: spoilt(), Oracle: "tsreport -b -v",
			},
			change: each("the frame has no PTS", func(_ scenario.Fault, u unit, p ts.Packet) bool { return u.carries(p, video) && p.DropStamps() }),
		},
	}
}
