package ts

import "encoding/binary"

const (
	pmtPID        = 0x1000
	programNumber = 1
	// currentNext is reserved bits, version 0, current_next_indicator: the tables of a Writer never change.
	currentNext = 0xC1

	descriptorRegistration    = 0x05
	descriptorMetadataPointer = 0x25
	descriptorMetadata        = 0x26
	// formatID3 is the identifier registered for ID3, both as a format and as an application of metadata. The codes in
	// front of it state that an identifier follows (H.222.0, 2.6.58, 2.6.60).
	formatID3             = "ID3 "
	applicationIdentified = 0xFFFF
	formatIdentified      = 0xFF
	metadataService       = 0 // the only one of the program
)

// AppendTables appends a PAT and a PMT that name one stream, which has the PCR, for who is to read this stream alone.
func AppendTables(out []byte, mapPID uint16, s ProgramStream) []byte {
	body := binary.BigEndian.AppendUint16(nil, 0xE000|s.PID) // PCR_PID
	body = appendStream(append(body, 0xF0, 0), s.Type, s.PID, s.Descriptors)
	var pat, pmt uint8
	out = appendPackets(out, patPID, &pat, flagStart, nil, patSection(mapPID))
	return appendPackets(out, mapPID, &pmt, flagStart, nil, section(tableIDPMT, programNumber, body))
}

// patSection is a program association section that names one program (H.222.0, table 2-30), with the pointer_field that
// is before a section in a packet, filled up to a packet's body.
func patSection(mapPID uint16) []byte {
	return section(tableIDPAT, 1, binary.BigEndian.AppendUint16([]byte{0, programNumber}, 0xE000|mapPID))
}

// pmtSection is the program map section of that program (table 2-33): one H.264 stream, which carries the PCR, and one of
// timed ID3, announced twice, for the program and for the stream, as Timed Metadata for HTTP Live Streaming, 2.3, asks; and where
// there is sound, one of AAC.
func pmtSection(sound bool) []byte {
	pointer := descriptor(descriptorMetadataPointer,
		0x1F,             // no metadata_locator_record, in this transport stream, reserved bits
		0, programNumber) // whose streams have the metadata
	metadata := descriptor(descriptorMetadata,
		0x0F) // no decoder configuration, no DSM-CC, reserved bits

	body := binary.BigEndian.AppendUint16(nil, 0xE000|videoPID) // PCR_PID
	body = binary.BigEndian.AppendUint16(body, 0xF000|uint16(len(pointer)))
	body = append(body, pointer...)
	body = appendStream(body, streamTypeAV, videoPID, nil)
	body = appendStream(body, streamTypeMetadata, id3PID, metadata)
	if sound {
		body = appendStream(body, streamTypeAAC, soundPID, nil)
	}
	return section(tableIDPMT, programNumber, body)
}

// appendStream appends an elementary stream to a program map's body.
func appendStream(b []byte, streamType byte, pid uint16, descriptors []byte) []byte {
	b = append(b, streamType)
	b = binary.BigEndian.AppendUint16(b, 0xE000|pid)
	b = binary.BigEndian.AppendUint16(b, 0xF000|uint16(len(descriptors)))
	return append(b, descriptors...)
}

// descriptor is a metadata descriptor of either kind: both begin by saying that the metadata is ID3.
func descriptor(tag byte, rest ...byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{tag, 0}, applicationIdentified)
	b = append(append(b, formatID3...), formatIdentified)
	b = append(append(b, formatID3...), metadataService)
	b = append(b, rest...)
	b[1] = byte(len(b) - 2)
	return b
}

// section wraps a table's body, and fills its last packet up with the bytes that stand for no further section (2.4.4.1).
func section(tableID byte, id uint16, body []byte) []byte {
	const fixed = 5 + 4 // what section_length counts besides the body: id to last_section_number, and CRC_32
	b := make([]byte, 0, bodySize)
	b = append(b, 0, tableID) // pointer_field 0
	b = binary.BigEndian.AppendUint16(b, 0xB000|uint16(len(body)+fixed))
	b = binary.BigEndian.AppendUint16(b, id)
	b = append(b, currentNext, 0, 0) // section 0 of 0
	b = append(b, body...)
	b = binary.BigEndian.AppendUint32(b, crc32(b[1:]))
	for len(b)%bodySize != 0 {
		b = append(b, 0xFF)
	}
	return b
}
