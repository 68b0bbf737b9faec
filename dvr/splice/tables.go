package splice

import "github.com/refstream/refstream/outputs/ts"

const (
	// maxPrograms bounds the program maps that are kept: more than a satellite's transponder carries.
	maxPrograms = 256
	// maxTableAge is how much stream time may pass without the tables: 0.5 s, as ETSI TR 101 290, 5.2.1, asks.
	maxTableAge = ticksPerSecond / 2
	// maxTableBytes is the same in bytes, for streams whose time can't be told: less than what readers look through to
	// know a stream.
	maxTableBytes = 1 << 20
)

// tables keeps the PAT and the PMTs of a connection, and repeats them where the sender does so too rarely for readers
// who begin in the middle of the recording.
type tables struct {
	pat  table
	pmts map[uint16]*table // by PID; those that the PAT names
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
	if pid == 0 {
		if t.pat.observe(p, tableProgramAssociation) {
			t.name()
			t.renewed()
		}
	} else if pmt := t.pmts[pid]; pmt != nil && pmt.observe(p, tableProgramMap) {
		t.renewed()
	}
}

// name takes the program maps that the PAT names now.
func (t *tables) name() {
	pmts := map[uint16]*table{}
	for _, pid := range t.pat.maps() {
		if len(pmts) == maxPrograms {
			break
		}
		if pmts[pid] = t.pmts[pid]; pmts[pid] == nil {
			pmts[pid] = &table{}
		}
	}
	delete(pmts, 0) // the PAT's own
	t.pmts = pmts
}

// renewed notes whether all tables have come again.
func (t *tables) renewed() {
	if !t.pat.fresh {
		return
	}
	for _, pmt := range t.pmts {
		if !pmt.fresh && len(pmt.packets) > 0 {
			return
		}
	}
	t.stood, t.bytes = false, 0
	t.pat.fresh = false
	for _, pmt := range t.pmts {
		pmt.fresh = false
	}
}

// complete reports whether a reader knows a program by the tables that came.
func (t *tables) complete() bool {
	if len(t.pat.packets) == 0 || len(t.pat.opened) > 0 {
		return false
	}
	known := false
	for _, pmt := range t.pmts {
		if len(pmt.opened) > 0 {
			return false // its next packet must be the next of its PID
		}
		known = known || len(pmt.packets) > 0
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
	out = t.again(out, 0, &t.pat)
	for _, pid := range t.pat.maps() {
		if pmt := t.pmts[pid]; pmt != nil {
			out = t.again(out, pid, pmt)
		}
	}
	return out
}

// again appends a table's packets with the continuity counters that are next.
func (t *tables) again(out []byte, pid uint16, from *table) []byte {
	for b := from.packets; len(b) > 0; b = b[ts.PacketSize:] {
		t.counters[pid]++
		t.added[pid]++
		out = append(out, b[:ts.PacketSize]...)
		ts.Packet(out[len(out)-ts.PacketSize:]).SetCounter(t.counters[pid])
	}
	return out
}
