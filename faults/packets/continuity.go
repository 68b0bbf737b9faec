package packets

import (
	"slices"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/scenario"
)

// maxCounted is how many packets the continuity counter counts: as many more are as none.
const maxCounted = 16

// continuity is the kinds of packets that are missing, not in order or there too often (1.4).
func continuity() []kind {
	base := func(name, doc string, params ...scenario.Param) scenario.Kind {
		return scenario.Kind{
			Name: name, Property: "packets", Doc: doc, Default: scenario.Span{Frames: 1}, Params: params,
			Alarms: []string{"TR101290.1.4", "Continuity_count_error", "continuity"}, Expects: []string{"continuity_count_error"},
			Tolerates: spoilt(), Oracle: "tsreport -cnt",
		}
	}
	of := scenario.Param{Name: "of", Doc: "which frames: all, or those that no other refers to", Type: scenario.Word, Default: "any",
		Words: []string{"any", "disposable"}}
	lose := base("ts.lose", "Packets of each of its frames are lost.", pid, count("how many follow each other", "1", 1, maxCounted-1), of)
	// A table is sent every 400 ms: without one of them it is absent for more than 500 ms.
	lose.Tolerates, lose.Implies = spoilt("pat_error", "pmt_error"), []string{"ts.pat", "ts.pmt"}
	moving := pid
	moving.Doc, moving.Words = "what the packets are of: the picture or its ID3 tags", []string{video, tags}
	// ffmpeg, which verify decodes with, takes the copy for more of the picture: that is its fault.
	once := base("ts.duplicate_once", "One packet of each of its frames is sent twice, as a multiplexer may (H.222.0, 2.4.3.3).", pid)
	once.Decoy, once.Alarms, once.Expects = true, nil, nil
	twice := func(f scenario.Fault, u unit, copies int) ([]ts.Packet, string) {
		at, why := u.pick(f, f.Params[pid.Name].Text, 1)
		if why != "" {
			return nil, why
		}
		return slices.Insert(u.packets, at[0]+1, slices.Repeat(u.packets[at[0]:at[0]+1], copies)...), ""
	}
	return []kind{
		{
			Kind: base("ts.swap", "Packets of each of its frames are in the opposite order.", moving,
				count("how many follow each other in the wrong order", "2", 2, maxCounted-1)),
			spoils: true,
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) {
				at, why := u.pick(f, f.Params[pid.Name].Text, int(f.Params["packets"].N))
				for i, j := 0, len(at)-1; i < j; i, j = i+1, j-1 {
					u.packets[at[i]], u.packets[at[j]] = u.packets[at[j]], u.packets[at[i]]
				}
				return u.packets, why
			},
		},
		{
			Kind:   lose,
			spoils: true,
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) {
				if f.Params[of.Name].Text != of.Default && !u.disposable() {
					return nil, "other pictures refer to the frame's"
				}
				at, why := u.pick(f, f.Params[pid.Name].Text, int(f.Params["packets"].N))
				if why != "" {
					return nil, why
				}
				var list []ts.Packet
				for i, p := range u.packets {
					if !slices.Contains(at, i) {
						list = append(list, p)
					}
				}
				return list, ""
			},
		},
		{
			Kind: base("ts.duplicate", "A packet of each of its frames is sent more often than twice.", pid,
				scenario.Param{Name: "copies", Doc: "how many follow the packet", Type: scenario.Whole, Default: "2", Min: 2, Max: maxCounted - 1}),
			spoils: true,
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) { return twice(f, u, int(f.Params["copies"].N)) },
		},
		{
			Kind:   once,
			change: func(f scenario.Fault, u unit) ([]ts.Packet, string) { return twice(f, u, 1) },
		},
	}
}
