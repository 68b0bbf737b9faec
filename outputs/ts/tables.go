package ts

import "encoding/binary"

const (
	pmtPID        = 0x1000
	programNumber = 1
	// currentNext is reserved bits, version 0, current_next_indicator: the tables of a Writer never change.
	currentNext = 0xC1
)

// patSection is a program association section that names one program (H.222.0, table 2-30), with the pointer_field that
// stands before a section in a packet, filled up to a packet's body.
func patSection() []byte {
	return section(tableIDPAT, 1, binary.BigEndian.AppendUint16(
		[]byte{0, programNumber}, 0xE000|pmtPID))
}

// pmtSection is the program map section of that program (table 2-33): one H.264 stream, which carries the PCR.
func pmtSection() []byte {
	body := binary.BigEndian.AppendUint16(nil, 0xE000|videoPID) // PCR_PID
	body = append(body, 0xF0, 0)                                // no program descriptors
	body = append(body, streamTypeAV)
	body = binary.BigEndian.AppendUint16(body, 0xE000|videoPID)
	body = append(body, 0xF0, 0) // no descriptors
	return section(tableIDPMT, programNumber, body)
}

// section wraps a table's body, and fills the packet up with the bytes that stand for no further section (2.4.4.1).
func section(tableID byte, id uint16, body []byte) []byte {
	const fixed = 5 + 4 // what section_length counts besides the body: id to last_section_number, and CRC_32
	b := make([]byte, 0, bodySize)
	b = append(b, 0, tableID) // pointer_field 0
	b = binary.BigEndian.AppendUint16(b, 0xB000|uint16(len(body)+fixed))
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, currentNext, 0, 0) // section 0 of 0
	b = append(b, body...)
	b = binary.BigEndian.AppendUint32(b, crc32(b[1:]))
	for len(b) < bodySize {
		b = append(b, 0xFF)
	}
	return b
}
