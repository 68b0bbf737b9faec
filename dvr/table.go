package dvr

import (
	"encoding/binary"
	"iter"
)

const (
	tableProgramAssociation = 0x00 // table_id (2.4.4.4)
	tableProgramMap         = 0x02
	// maxSection is the longest a PAT or PMT section gets: section_length is at most 1021 (2.4.4.5, 2.4.4.9).
	maxSection = 3 + 1021
	// maxTablePackets is how many packets such a section takes: one more than its size asks for, as it may begin anywhere
	// in its first.
	maxTablePackets = 1 + (maxSection+bodySize-1)/bodySize
)

// table is the packets of one PID that hold the section that came last, a PAT or a PMT that is all in one section.
type table struct {
	packets []byte // with the section's body complete and right, empty before there was one
	body    []byte // of the section, between its header and its CRC_32
	// fresh says that it came again since the last time that all tables had come.
	fresh bool
	// opened is the packets of the section that is coming now, section its bytes; both empty where none is.
	opened, section []byte
}

// observe takes the PID's next packet, and reports whether it completed a table with that table_id. p is not kept.
func (t *table) observe(p packet, id byte) bool {
	b := p.payload()
	if len(b) == 0 || !p.readable() {
		return false
	}
	if p.starts() {
		t.drop()
		if 1+int(b[0]) >= len(b) {
			return false
		}
		b = b[1+b[0]:]
	} else if len(t.opened) == 0 {
		return false
	}
	t.opened, t.section = append(t.opened, p...), append(t.section, b...)
	if len(t.section) < 3 {
		return false
	}
	n := 3 + int(binary.BigEndian.Uint16(t.section[1:])&0x0FFF)
	if n > maxSection || len(t.opened) > maxTablePackets*packetSize {
		t.drop()
		return false
	}
	if len(t.section) < n {
		return false
	}
	const header, crc = 8, 4
	s := t.section[:n]
	right := n >= header+crc && s[0] == id && s[5]&1 == 1 && s[7] == 0 && crc32(s) == 0 // current, and the only section
	if right {
		t.packets = append(t.packets[:0], t.opened...)
		t.body = append(t.body[:0], s[header:n-crc]...)
		t.fresh = true
	}
	t.drop()
	return right
}

// drop forgets the section that is coming.
func (t *table) drop() { t.opened, t.section = t.opened[:0], t.section[:0] }

// crc32 is CRC_32 of the tables (annex A): polynomial 0x04C11DB7, all ones at first, not reflected. Over a whole section
// with its own CRC_32 at the end it is 0. Bit by bit, because sections are short and rare.
func crc32(b []byte) uint32 {
	crc := ^uint32(0)
	for _, c := range b {
		crc ^= uint32(c) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// mapPIDs is the PIDs of the program maps that the body of a PAT names.
func mapPIDs(body []byte) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for b := body; len(b) >= 4; b = b[4:] {
			if binary.BigEndian.Uint16(b) == 0 { // the network's
				continue
			}
			if !yield(binary.BigEndian.Uint16(b[2:]) & nullPID) {
				return
			}
		}
	}
}

// audioVisualPIDs is the PIDs of the streams of audio and video that the body of a PMT names (2.4.4.10). Those of kinds
// that are not known here are left out, as they may be of the sort that is silent for long.
func audioVisualPIDs(body []byte) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		b := body
		if len(b) < 4 {
			return
		}
		skip := 4 + int(binary.BigEndian.Uint16(b[2:])&0x0FFF)
		for len(b) >= skip+5 {
			b = b[skip:]
			switch b[0] {
			case 0x01, 0x02, 0x10, 0x1B, 0x24, 0x33, // MPEG-1, 2 and 4 video, H.264, H.265, H.266
				0x03, 0x04, 0x0F, 0x11, 0x81, 0x87: // MPEG-1 and 2 audio, AAC, LATM, AC-3, E-AC-3
				if !yield(binary.BigEndian.Uint16(b[1:]) & nullPID) {
					return
				}
			}
			skip = 5 + int(binary.BigEndian.Uint16(b[3:])&0x0FFF)
		}
	}
}
