package splice

import "github.com/refstream/refstream/outputs/ts"

const (
	tableProgramAssociation = 0x00 // table_id (2.4.4.4)
	tableProgramMap         = 0x02
	// maxTablePackets is how many packets a PAT or PMT section takes, which has 1024 bytes at most (2.4.4.5, 2.4.4.9): it may
	// begin anywhere in its first.
	maxTablePackets = 7
)

// table is the packets of one PID that hold the section that came last, a PAT or a PMT that is all in one section.
type table struct {
	packets []byte // with the section complete and right, empty before there was one
	section []byte
	// fresh says that it came again since the last time that all tables had come.
	fresh bool
	// opened is the packets of the section that is coming now, empty where none is.
	opened []byte
	coming ts.Sections
}

// observe takes the PID's next packet, and reports whether it completed a table with that table_id. p is not kept.
func (t *table) observe(p ts.Packet, id byte) (right bool) {
	b := p.Payload()
	if len(b) == 0 || !p.Readable() {
		return false
	}
	if p.Starts() {
		t.drop()
	} else if len(t.opened) == 0 {
		return false
	}
	t.opened = append(t.opened, p...)
	ended := false
	t.coming.Push(b, p.Starts(), func(s []byte, whole bool) {
		if ended {
			return
		}
		ended = true
		const header, crc = 8, 4
		if right = whole && len(s) >= header+crc && s[0] == id && s[5]&1 == 1 && s[7] == 0; right { // current, and the only section
			t.packets, t.section = append(t.packets[:0], t.opened...), append(t.section[:0], s...)
			t.fresh = true
		}
	})
	if ended || !t.coming.Open() || len(t.opened) > maxTablePackets*ts.PacketSize {
		t.drop()
	}
	return right
}

// drop forgets the section that is coming.
func (t *table) drop() {
	t.opened = t.opened[:0]
	t.coming.Reset()
}

// maps is the PIDs of the program maps that a PAT names.
func (t *table) maps() []uint16 {
	pids, _ := ts.ParsePAT(t.section)
	return pids
}

// program is what a PMT says.
func (t *table) program() ts.Program {
	p, _ := ts.ParsePMT(t.section)
	return p
}
