package packets

import (
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/scenario"
)

// damage is the kinds of packets whose headers are damaged (1.1, 1.2, 2.1). A packet that is not read is missing for a monitor, in its
// PID's counter too.
func damage() []kind {
	return []kind{
		{
			Kind: scenario.Kind{
				Name: "ts.tei", Property: "packets", Doc: "transport_error_indicator is set in packets of each of its frames.",
				Default: scenario.Span{Frames: 1}, Params: []scenario.Param{pid, count("how many follow each other", "1", 1, maxCounted-1)},
				Alarms: []string{"TR101290.2.1", "Transport_error", "TEI"}, Expects: []string{"transport_error"},
				Tolerates: spoilt("continuity_count_error", "pat_error", "pmt_error"), Implies: []string{"ts.lose", "ts.pat", "ts.pmt"}, Oracle: "ffmpeg -v debug",
			},
			spoils: true,
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) {
				at, why := u.pick(f, f.Params[pid.Name].Text, int(f.Params["packets"].N))
				for _, i := range at {
					u.packets[i][1] |= 0x80
				}
				return u.packets, why
			},
		},
		{
			Kind: scenario.Kind{
				Name: "ts.sync", Property: "packets", Doc: "The sync bytes of packets of each of its frames' pictures are wrong.",
				Default: scenario.Span{Frames: 1}, Params: []scenario.Param{count("how many follow each other", "5", 2, maxCounted-1)},
				Alarms: []string{"TR101290.1.1", "TR101290.1.2", "TS_sync_loss", "Sync_byte_error"}, Expects: []string{"ts_sync_loss", "sync_byte_error"},
				Tolerates: spoilt("continuity_count_error"), Implies: []string{"ts.lose"}, Oracle: "tsreport",
			},
			spoils: true,
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) {
				at, why := u.pick(f, video, int(f.Params["packets"].N))
				for _, i := range at {
					u.packets[i][0] = ^byte(ts.SyncByte)
				}
				return u.packets, why
			},
		},
	}
}
