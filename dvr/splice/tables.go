package splice

import (
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	// maxTableAge is how much stream time may pass without the tables: 0.5 s, as ETSI TR 101 290, 5.2.1, asks.
	maxTableAge = media.TicksPerSecond / 2
	// maxTableBytes is the same in bytes, for streams without time: less than readers search to recognize a stream.
	maxTableBytes = 1 << 20
)

// tables keeps the PAT and PMTs of a connection, and repeats them if the sender does so too rarely for readers that begin in the
// middle.
type tables struct {
	psi   ts.PSI
	fresh [ts.NullPID + 1]bool // the PIDs whose table was repeated since all tables were
	// counters is the last written continuity counter of each PID, and added what is added to the sender's, because of inserted
	// packets.
	counters, added [ts.NullPID + 1]uint8
	// dated: at, the time of the packet after the tables, is set. bytes is how much was written since.
	dated bool
	at    int64
	bytes int64
}

// take takes the next packet before it is written, and corrects its continuity counter where packets were put in.
func (t *tables) take(p ts.Packet) {
	t.bytes += ts.PacketSize
	if p.Damaged() {
		return
	}
	pid := p.PID()
	p.SetCounter(p.Counter() + t.added[pid])
	t.counters[pid] = p.Counter()
	if t.psi.Take(p) {
		t.fresh[pid] = true
		t.renewed()
	}
}

// renewed notes whether all tables were repeated.
func (t *tables) renewed() {
	if !t.fresh[0] {
		return
	}
	for pid, pmt := range t.psi.PMTs {
		if !t.fresh[pid] && len(pmt.Packets) > 0 {
			return
		}
	}
	t.dated, t.bytes = false, 0
	clear(t.fresh[:])
}

// complete reports whether the received tables describe a program.
func (t *tables) complete() bool {
	if len(t.psi.PAT.Packets) == 0 || t.psi.PAT.Open() {
		return false
	}
	known := false
	for _, pmt := range t.psi.PMTs {
		if pmt.Open() {
			return false
		}
		known = known || len(pmt.Packets) > 0
	}
	return known
}

// repeat appends the tables if the last ones are too old. now is the time of the next PES packet in 90 kHz ticks.
func (t *tables) repeat(out []byte, now int64) []byte {
	if !t.complete() {
		return out
	}
	if !t.dated {
		t.dated, t.at = true, now
	}
	if age := now - t.at; -maxTableAge <= age && age <= maxTableAge && t.bytes <= maxTableBytes {
		return out
	}
	t.at, t.bytes = now, 0
	out = t.again(out, 0, &t.psi.PAT)
	for _, pid := range t.psi.PAT.Maps() {
		if pmt := t.psi.PMTs[pid]; pmt != nil {
			out = t.again(out, pid, pmt)
		}
	}
	return out
}

// again appends a table's packets with the continuity counters that are next.
func (t *tables) again(out []byte, pid uint16, from *ts.Table) []byte {
	for b := from.Packets; len(b) > 0; b = b[ts.PacketSize:] {
		t.counters[pid]++
		t.added[pid]++
		out = append(out, b[:ts.PacketSize]...)
		ts.Packet(out[len(out)-ts.PacketSize:]).SetCounter(t.counters[pid])
	}
	return out
}
