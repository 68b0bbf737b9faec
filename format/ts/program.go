package ts

import "encoding/binary"

// Program is what a program map says.
type Program struct {
	// PCR is the PID whose packets have the program's clock.
	PCR uint16
	// Streams are the elementary streams.
	Streams []ProgramStream
	// Access are the PIDs of messages for access control, which descriptors name (H.222.0, 2.6.16).
	Access []uint16
}

// ProgramStream is an elementary stream of a program.
type ProgramStream struct {
	// Type is stream_type (H.222.0, table 2-34).
	Type byte
	PID  uint16
	// Descriptors are those of the program map, a part of its section.
	Descriptors []byte
}

// Video reports whether the stream is video in packets of its own, of the types of H.222.0, ATSC and AVS.
func (s ProgramStream) Video() bool {
	switch s.Type {
	case 0x01, 0x02, 0x10, streamTypeAV, streamTypeHEVC, 0x33, 0x42, 0xD1, 0xD2, 0xD4, 0xEA:
		return true
	}
	return false
}

// Continuous reports whether the stream is one that always has something to send: video or audio in packets of its own.
func (s ProgramStream) Continuous() bool {
	switch s.Type {
	case 0x20, // the other views of multiview video
		0x03, 0x04, 0x0F, 0x11, 0x1C, 0x2D, 0x81, 0x87: // audio
		return true
	}
	return s.Video()
}

// ParsePAT is the PIDs of the program maps that a PAT section in force names; ok is false for any other section.
func ParsePAT(section []byte) (maps []uint16, ok bool) {
	_, body, ok := tableBody(section, tableIDPAT)
	return mapPIDs(body), ok
}

// ParsePMT is what a PMT section in force says; ok is false for any other section.
func ParsePMT(section []byte) (p Program, ok bool) {
	_, body, ok := tableBody(section, tableIDPMT)
	if !ok || len(body) < 4 {
		return p, false
	}
	p.PCR = binary.BigEndian.Uint16(body) & NullPID
	info := int(binary.BigEndian.Uint16(body[2:]) & 0x0FFF)
	p.Access = accessPIDs(nil, body[4:min(4+info, len(body))])
	p.Streams = mapStreams(body)
	for _, s := range p.Streams {
		p.Access = accessPIDs(p.Access, s.Descriptors)
	}
	return p, true
}

// accessPIDs appends the PIDs of the CA descriptors in a list of descriptors.
func accessPIDs(list []uint16, d []byte) []uint16 {
	const descriptorCA = 0x09
	for ; len(d) >= 2 && 2+int(d[1]) <= len(d); d = d[2+int(d[1]):] {
		if d[0] == descriptorCA && d[1] >= 4 {
			list = append(list, binary.BigEndian.Uint16(d[4:])&NullPID)
		}
	}
	return list
}
