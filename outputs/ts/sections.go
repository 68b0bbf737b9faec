package ts

import "encoding/binary"

// maxSection is the longest a PAT or PMT section gets: section_length is at most 1021 (H.222.0, 2.4.4.5, 2.4.4.9).
const maxSection = 3 + 1021

// lastSectionNumber is the place of that field in a section: 0 when the section is the whole table.
const lastSectionNumber = 7

// sections puts the sections of one PID together from the payloads of its packets (H.222.0, 2.4.4.1).
type sections struct {
	buf []byte // the section begun, empty when none is
}

// push takes the payload of the PID's next packet, start being its payload_unit_start_indicator, and calls emit for
// every section that is complete and whose CRC_32 is right. Others are left out: tables are repeated. The section is
// valid during the call only.
func (s *sections) push(payload []byte, start bool, emit func(section []byte)) {
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
func (s *sections) add(data []byte, emit func([]byte)) {
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
		if crc32(rest[:n]) == 0 {
			emit(rest[:n])
		}
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
			pids = append(pids, binary.BigEndian.Uint16(body[2:])&nullPID)
		}
	}
	return pids
}

// videoPIDs is the PIDs of the H.264 streams in a PMT's body, in order.
func videoPIDs(body []byte) []uint16 {
	if len(body) < 4 {
		return nil
	}
	skip := 4 + int(binary.BigEndian.Uint16(body[2:])&0x0FFF) // PCR_PID, program_info_length
	if skip > len(body) {
		return nil
	}
	var pids []uint16
	for body = body[skip:]; len(body) >= 5; {
		if body[0] == streamTypeAV {
			pids = append(pids, binary.BigEndian.Uint16(body[1:])&nullPID)
		}
		skip = 5 + int(binary.BigEndian.Uint16(body[3:])&0x0FFF)
		if skip > len(body) {
			break
		}
		body = body[skip:]
	}
	return pids
}
