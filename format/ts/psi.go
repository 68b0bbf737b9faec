package ts

// maxTablePackets is how many packets a PAT or PMT section takes, which has 1024 bytes at most (2.4.4.5, 2.4.4.9): it may
// begin anywhere in its first.
const maxTablePackets = 7

// PSI is the program specific information of a stream, as it was received last (H.222.0, 2.4.4). Its zero value is ready.
type PSI struct {
	PAT Table
	// PMTs are those that the PAT names, by PID.
	PMTs map[uint16]*Table
}

// Take takes the next packet, of any PID, and reports whether it completed a table. The packet is not kept.
func (s *PSI) Take(p Packet) bool {
	if pid := p.PID(); pid != patPID {
		pmt := s.PMTs[pid]
		return pmt != nil && pmt.take(p, tableIDPMT)
	}
	if !s.PAT.take(p, tableIDPAT) {
		return false
	}
	pmts := map[uint16]*Table{} // no more than 253: that is how many one section names
	for _, pid := range s.PAT.Maps() {
		if pmts[pid] = s.PMTs[pid]; pmts[pid] == nil {
			pmts[pid] = &Table{}
		}
	}
	delete(pmts, patPID)
	s.PMTs = pmts
	return true
}

// Table is a PAT or PMT that is all in one section, and the packets that hold it.
type Table struct {
	// Packets are those of the last section that was in force and had a right CRC_32; empty before there was one.
	Packets []byte
	section []byte
	// opened is the packets of the section that is coming now, empty where none is.
	opened []byte
	coming Sections
}

// Open reports whether a section has begun whose rest is to come: its next packet must be the next of its PID.
func (t *Table) Open() bool { return len(t.opened) > 0 }

// Maps is the PIDs of the program maps that a PAT names, in order.
func (t *Table) Maps() []uint16 {
	pids, _ := ParsePAT(t.section)
	return pids
}

// Program is what a PMT says.
func (t *Table) Program() Program {
	p, _ := ParsePMT(t.section)
	return p
}

// take takes the PID's next packet, and reports whether it completed a table with that table_id.
func (t *Table) take(p Packet, id byte) (right bool) {
	b := p.Payload()
	if len(b) == 0 || !p.Readable() {
		return false
	}
	if p.Starts() {
		t.drop()
	} else if !t.Open() {
		return false
	}
	t.opened = append(t.opened, p...)
	ended := false
	t.coming.Push(b, p.Starts(), func(s []byte, whole bool) {
		if ended {
			return
		}
		ended = true
		_, _, ok := tableBody(s, id)
		if right = whole && ok && s[lastSectionNumber] == 0; right {
			t.Packets, t.section = append(t.Packets[:0], t.opened...), append(t.section[:0], s...)
		}
	})
	if ended || !t.coming.Open() || len(t.opened) > maxTablePackets*PacketSize {
		t.drop()
	}
	return right
}

// drop forgets the section that is coming.
func (t *Table) drop() {
	t.opened = t.opened[:0]
	t.coming.Reset()
}
