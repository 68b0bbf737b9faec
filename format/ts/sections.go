package ts

import (
	"bytes"
	"encoding/binary"

	"github.com/refstream/refstream/media"
)

// maxSection is the longest a PAT or PMT section gets: section_length is at most 1021 (H.222.0, 2.4.4.5, 2.4.4.9).
const maxSection = 3 + 1021

// lastSectionNumber is the place of that field in a section: 0 when the section is the whole table.
const lastSectionNumber = 7

// Sections puts the sections of one PID, such as those of the PAT or of a PMT, together from the payloads of its packets
// (H.222.0, 2.4.4.1). Its zero value is ready.
type Sections struct {
	buf []byte // the section begun, empty when none is
}

// Reset forgets the section begun: packets of it are missing.
func (s *Sections) Reset() { s.buf = s.buf[:0] }

// Open reports whether a section has begun whose rest is to come.
func (s *Sections) Open() bool { return len(s.buf) > 0 }

// Push takes the payload of the PID's next packet, start being its payload_unit_start_indicator, and calls emit for
// every section that is complete; right reports whether its CRC_32 is. The section may be kept during the call only.
func (s *Sections) Push(payload []byte, start bool, emit func(section []byte, right bool)) {
	if !start {
		if len(s.buf) > 0 {
			s.add(payload, emit)
		}
		return
	}
	if len(payload) == 0 || 1+int(payload[0]) > len(payload) {
		s.buf = s.buf[:0]
		return
	}
	pointer := int(payload[0])
	if len(s.buf) > 0 {
		s.add(payload[1:1+pointer], emit)
	}
	s.buf = s.buf[:0]
	s.add(payload[1+pointer:], emit)
}

// add appends to the section begun, and begins the next ones in the data.
func (s *Sections) add(data []byte, emit func([]byte, bool)) {
	s.buf = append(s.buf, data...)
	rest := s.buf
	for len(rest) >= 3 && rest[0] != 0xFF { // 0xFF: stuffing to the end of the packet
		n := 3 + int(binary.BigEndian.Uint16(rest[1:])&0x0FFF)
		if n > maxSection {
			rest = nil
			break
		}
		if len(rest) < n {
			break
		}
		emit(rest[:n], crc32(rest[:n]) == 0)
		rest = rest[n:]
	}
	if len(rest) > 0 && rest[0] == 0xFF {
		rest = nil
	}
	s.buf = append(s.buf[:0], rest...)
}

// tableBody is the body of a section that is in force now, with the id in its header: transport_stream_id or
// program_number. ok is false for another table, a section too short, or one that applies only later.
func tableBody(section []byte, tableID byte) (id uint16, body []byte, ok bool) {
	const header, crc = 8, 4
	if len(section) < header+crc || section[0] != tableID || section[5]&1 == 0 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(section[3:]), section[header : len(section)-crc], true
}

// mapPIDs is the PMT PIDs of a PAT's body, in order, without the network's.
func mapPIDs(body []byte) []uint16 {
	var pids []uint16
	for ; len(body) >= 4; body = body[4:] {
		if binary.BigEndian.Uint16(body) != 0 {
			pids = append(pids, binary.BigEndian.Uint16(body[2:])&NullPID)
		}
	}
	return pids
}

// codec is that of a video stream that can be read.
func (s ProgramStream) codec() (c media.Codec, ok bool) {
	if s.Type == streamTypeHEVC {
		return media.HEVC, true
	}
	return media.H264, s.Type == streamTypeAV
}

// mapStreams is the streams of a PMT's body, in order.
func mapStreams(body []byte) []ProgramStream {
	if len(body) < 4 {
		return nil
	}
	skip := 4 + int(binary.BigEndian.Uint16(body[2:])&0x0FFF) // PCR_PID, program_info_length
	if skip > len(body) {
		return nil
	}
	var streams []ProgramStream
	for body = body[skip:]; len(body) >= 5; body = body[skip:] {
		s := ProgramStream{Type: body[0], PID: binary.BigEndian.Uint16(body[1:]) & NullPID}
		skip = 5 + int(binary.BigEndian.Uint16(body[3:])&0x0FFF)
		if skip > len(body) { // a video stream needs no descriptors
			return append(streams, s)
		}
		s.Descriptors = body[5:skip]
		streams = append(streams, s)
	}
	return streams
}

// hasID3 reports whether the stream is timed ID3: a descriptor says so, or it is metadata and none says of which kind.
func (s ProgramStream) hasID3() bool {
	identified := false
	for d := s.Descriptors; len(d) >= 2 && 2+int(d[1]) <= len(d); d = d[2+int(d[1]):] {
		body := d[2 : 2+int(d[1])]
		switch d[0] {
		case descriptorMetadata:
			body = metadataFormat(body)
		case descriptorRegistration:
		default:
			continue
		}
		if bytes.HasPrefix(body, []byte(formatID3)) {
			return true
		}
		identified = true
	}
	return s.Type == streamTypeMetadata && !identified
}

// metadataFormat is a metadata descriptor's body from the identifier of the format on, empty where it has none.
func metadataFormat(body []byte) []byte {
	if len(body) < 2 {
		return nil
	}
	at := 2
	if binary.BigEndian.Uint16(body) == applicationIdentified {
		at += len(formatID3) // the identifier of the application
	}
	if len(body) <= at || body[at] != formatIdentified {
		return nil
	}
	return body[at+1:]
}
