package packets

import (
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/scenario"
)

// pids is the kinds of packets that are on a PID, or not (1.6, 3.4).
func pids() []kind {
	number := scenario.Param{Name: "pid", Doc: "the PID, one that no table names", Type: scenario.Whole, Default: "1024", Min: 0x20, Max: ts.NullPID - 1}
	// more puts packets behind those of the frame: a segment begins with its tables.
	more := func(f scenario.Fault, u unit, p ts.Packet) ([]ts.Packet, string) {
		return append(u.packets, slices.Repeat([]ts.Packet{p}, int(f.Params["packets"].N))...), ""
	}
	return []kind{
		{
			// It may be missing for as long as the user of a monitor has said; 5 s are usual for video.
			Kind: scenario.Kind{
				Name: "ts.pid_missing", Property: "pid", Doc: "There are no packets of the video, and so no PCR. Their counter has a gap at the end, if it did not go round.",
				Default: scenario.Span{Nanos: int64(10 * time.Second)}, Check: atLeast(6 * time.Second),
				Alarms:  []string{"TR101290.1.6", "PID_error"},
				Expects: []string{"missing"}, Tolerates: spoilt("continuity_count_error", "pid_error", "pcr_discontinuity_indicator_error"),
				Implies: []string{"ts.lose", "ts.pcr_absent", "ts.pts_rare"}, Oracle: "tsreport -v",
			},
			spoils: true,
			change: func(_ scenario.Fault, u unit) ([]ts.Packet, string) {
				list := slices.DeleteFunc(slices.Clone(u.packets), func(p ts.Packet) bool { return u.carries(p, video) })
				if len(list) == len(u.packets) {
					return nil, "the frame has no packets of video"
				}
				return list, ""
			},
		},
		{
			// Without payload, for such packets are not counted: a counter that counts would depend on where the stream begins.
			Kind: scenario.Kind{
				Name: "ts.unreferenced", Property: "other", Doc: "There are packets, without payload, of a PID that no table names.",
				Default: scenario.Span{Nanos: int64(2 * time.Second)}, Check: atLeast(time.Second), // 3.4 asks for 500 ms
				Params: []scenario.Param{number, count("how many a frame", "1", 1, 1000)},
				Alarms: []string{"TR101290.3.4", "TR101290.3.4.a", "Unreferenced_PID"}, Expects: []string{"unreferenced_pid"}, Oracle: "tsreport -v",
			},
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) {
				pid := uint16(f.Params[number.Name].N)
				p := stuffed(ts.SyncByte, byte(pid>>8), byte(pid), 0x20, ts.PacketSize-5, 0)
				if slices.ContainsFunc(u.packets, func(p ts.Packet) bool { return p.PID() == pid }) || u.carries(p, pmt) ||
					slices.ContainsFunc(u.streams, func(s ts.ProgramStream) bool { return s.PID == pid }) {
					return nil, fmt.Sprintf("PID %d is one of the stream", pid)
				}
				return more(f, u, p)
			},
		},
		{
			Kind: scenario.Kind{
				Name: "ts.null", Property: "other", Doc: "There are null packets, as in a stream of a constant rate.", Decoy: true,
				Default: scenario.Span{Frames: 1}, Params: []scenario.Param{count("how many a frame", "10", 1, 1000)}, Oracle: "tsreport -v",
			},
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) {
				return more(f, u, stuffed(ts.SyncByte, ts.NullPID>>8, ts.NullPID&0xFF, 0x10))
			},
		},
	}
}

// stuffed is a packet that begins with some bytes, and has ones behind them.
func stuffed(head ...byte) ts.Packet {
	for len(head) < ts.PacketSize {
		head = append(head, 0xFF)
	}
	return head
}
