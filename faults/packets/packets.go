// Package packets holds the faults of the layer packets: what is wrong with the packets of an MPEG transport stream (ITU-T H.222.0),
// by the indicators of ETSI TR 101 290, 5.2. Each packet keeps its continuity counter, also behind those that are taken away or
// put in, so that the packets of a frame without a fault are those of the clean stream, byte for byte.
package packets

import (
	"slices"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// kind is an entry of the catalogue with what it does.
type kind struct {
	scenario.Kind
	// change makes the fault in the packets of a frame, which it may change, and returns those of the faulty stream, or why there
	// is none to make: then it has changed nothing.
	change func(f scenario.Fault, u unit) (list []ts.Packet, why string)
	// spoils: what a decoder gets of the picture is wrong, where the fault is one of the packets of video.
	spoils bool
}

// table is in the order in which faults of the same frame are made: what is on which PID, what is in a packet, its place.
func table() []kind { return slices.Concat(pids(), tables(), stamps(), continuity(), damage()) }

// Kinds lists the kinds of the layer.
func Kinds() (list []*scenario.Kind) {
	for _, k := range table() {
		k.Layer, k.Carriers = scenario.LayerPackets, []scenario.Carrier{scenario.HLS, scenario.TS}
		list = append(list, &k.Kind)
	}
	return list
}

// Rewriter makes the packets of a faulty stream from those of a clean one. It is not safe for concurrent use.
type Rewriter struct {
	plan   *scenario.Plan
	clock  markers.Clock
	report faults.Report
	kinds  []kind
	psi    ts.PSI
}

// New makes the Rewriter of a plan, which may have faults of other layers too, for one stream of the channel with that clock.
func New(plan *scenario.Plan, clock markers.Clock, report faults.Report) *Rewriter {
	return &Rewriter{plan: plan, clock: clock, report: report, kinds: table()}
}

// Packets makes those of the faulty stream from those that are in the clean one for an access unit, with its tables and tags; it
// is called for every access unit, in decoding order. The packets are not changed: where there is nothing to change, they are
// what is returned. Bytes that are not whole packets are passed on.
func (r *Rewriter) Packets(frame int64, packets []byte) []byte {
	whole := isWhole(packets)
	if whole {
		for p := range slices.Chunk(packets, ts.PacketSize) {
			r.psi.Take(p)
		}
	}
	planned := r.plan.At(frame, scenario.LayerPackets)
	for _, k := range r.kinds {
		for _, f := range planned {
			if f.Kind.Name != k.Name {
				continue
			}
			change := faults.Change{Fault: f.Key(), Frame: frame, Spoiled: frame, NotDone: "the bytes are not whole packets"}
			if whole {
				var list []ts.Packet
				if list, change.NotDone = k.change(f, newUnit(frame, packets, &r.psi)); change.NotDone == "" {
					altered := slices.Concat(list...)
					change.Clean, change.Altered = faults.Hash(packets), faults.Hash(altered)
					change.Spoiled, packets = r.spoiled(k, f, frame), altered
				}
			}
			r.report(change)
		}
	}
	return packets
}

// spoiled is the last frame that a decoder may show wrongly: the segment's, for it is a closed GOP. That is so too of a picture that
// no other refers to: what ffmpeg makes up for one that is there in part spoils those that follow.
func (r *Rewriter) spoiled(k kind, f scenario.Fault, frame int64) int64 {
	if of, ok := f.Params[pid.Name]; !k.spoils || ok && of.Text != video {
		return frame
	}
	return r.clock.FirstFrame(r.clock.MSN(frame)+1) - 1
}

func isWhole(b []byte) bool {
	if len(b)%ts.PacketSize != 0 {
		return false
	}
	for p := range slices.Chunk(b, ts.PacketSize) {
		if p[0] != ts.SyncByte || !ts.Packet(p).Plausible() {
			return false
		}
	}
	return true
}
