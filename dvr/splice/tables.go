package splice

import (
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	// maxTableAge is how much stream time may pass without the tables: 0.5 s, as ETSI TR 101 290, 5.2.1, asks.
	maxTableAge = media.TicksPerSecond / 2
	// maxTableBytes is the same in bytes, for streams whose time can't be told: less than what readers look through to
	// know a stream.
	maxTableBytes = 1 << 20
)

// tables keeps the PAT and the PMTs of a connection, and repeats them where the sender does so too rarely for readers
// who begin in the middle of the recording.
type tables struct {
	psi ts.PSI
	// fresh are the PIDs whose table came again since the last time that all tables had come.
	fresh [ts.NullPID + 1]bool
	// counters is the continuity counter of the last packet of each PID, as it was written, and added is what is added to
	// the sender's, since packets were put in between.
	counters, added [ts.NullPID + 1]uint8
	// stood says that at, the time of the packet that followed the tables, is set; bytes is how much was written since.
	stood bool
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

// renewed notes whether all tables have come again.
func (t *tables) renewed() {
	if !t.fresh[0] {
		return
	}
	for pid, pmt := range t.psi.PMTs {
		if !t.fresh[pid] && len(pmt.Packets) > 0 {
			return
		}
	}
	t.stood, t.bytes = false, 0
	clear(t.fresh[:])
}

// complete reports whether a reader knows a program by the tables that came.
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

// repeat appends the tables where they stood too long ago. now is the time of the PES packet that comes next: 90 kHz
// ticks. out is returned with what was appended.
func (t *tables) repeat(out []byte, now int64) []byte {
	if !t.complete() {
		return out
	}
	if !t.stood {
		t.stood, t.at = true, now
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
