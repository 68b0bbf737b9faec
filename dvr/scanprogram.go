package dvr

import "encoding/binary"

// program is the tables of a stream, and which video is taken out of it: the first of the first program that has one.
type program struct {
	pat  table
	pmts map[uint16]*table // by PID
	// patAt is where the last PAT began, and tablesAt the one before the last PMT that has the video.
	patAt, tablesAt int64
	// pmtPID is that of the program with the video, 0 where none is known.
	pmtPID uint16
	video  video
}

// video is a stream of video, as a PMT has it.
type video struct {
	pid  uint16
	kind byte // stream_type
	// descriptors are those of the PMT, which say more of some kinds.
	descriptors string
}

// take takes a packet at offset at, and reports whether it says that there is another video now.
func (g *program) take(p packet, at int64) (changed bool) {
	pid := p.pid()
	if pid == 0 {
		if p.starts() {
			g.patAt = at
		}
		if g.pat.observe(p, tableProgramAssociation) {
			g.name()
		}
		return false
	}
	pmt := g.pmts[pid]
	if pmt == nil || !pmt.observe(p, tableProgramMap) {
		return false
	}
	v, ok := firstVideo(pmt.body)
	if !ok || g.pmtPID != 0 && g.pmtPID != pid {
		return false
	}
	g.tablesAt = g.patAt
	changed = v != g.video
	g.pmtPID, g.video = pid, v
	return changed
}

// name takes the program maps that the PAT names now.
func (g *program) name() {
	pmts := map[uint16]*table{}
	for pid := range mapPIDs(g.pat.body) {
		if len(pmts) == maxPrograms {
			break
		}
		if pmts[pid] = g.pmts[pid]; pmts[pid] == nil {
			pmts[pid] = &table{}
		}
	}
	delete(pmts, 0) // the PAT's own
	if pmts[g.pmtPID] == nil {
		g.pmtPID = 0 // the program is gone: another one may be taken
	}
	g.pmts = pmts
}

// firstVideo is the first video that the body of a PMT names (2.4.4.10).
func firstVideo(body []byte) (video, bool) {
	if len(body) < 4 {
		return video{}, false
	}
	skip := 4 + int(binary.BigEndian.Uint16(body[2:])&0x0FFF)
	for b := body; len(b) >= skip+5; {
		b = b[skip:]
		size := int(binary.BigEndian.Uint16(b[3:]) & 0x0FFF)
		skip = 5 + size
		switch b[0] {
		case kindMPEG1, kindMPEG2, 0x10, kindH264, kindH265, 0x33, 0x42, 0xD2, 0xD4, 0xEA: // MPEG-4, H.266, AVS, AVS2, AVS3, VC-1
			if len(b) < skip {
				return video{}, false
			}
			return video{binary.BigEndian.Uint16(b[1:]) & nullPID, b[0], string(b[5:skip])}, true
		}
	}
	return video{}, false
}

// Values of stream_type (table 2-34).
const (
	kindMPEG1 = 0x01
	kindMPEG2 = 0x02
	kindH264  = 0x1B
	kindH265  = 0x24
)

// decoderMapPID is the PID of the only PMT that a decoder is given.
const decoderMapPID = 0x1FF0

// tables is a PAT and a PMT that name this video and nothing else, so that a decoder doesn't wait for streams that it is
// not given.
func (v video) tables() []byte {
	mapPID := uint16(decoderMapPID)
	if v.pid == mapPID {
		mapPID++
	}
	pat := binary.BigEndian.AppendUint16([]byte{0, 1}, 0xE000|mapPID)
	pmt := binary.BigEndian.AppendUint16(nil, 0xE000|v.pid) // PCR_PID
	pmt = append(pmt, 0xF0, 0, v.kind)
	pmt = binary.BigEndian.AppendUint16(pmt, 0xE000|v.pid)
	pmt = binary.BigEndian.AppendUint16(pmt, 0xF000|uint16(len(v.descriptors)))
	pmt = append(pmt, v.descriptors...)
	out := appendTable(nil, 0, tableProgramAssociation, pat)
	return appendTable(out, mapPID, tableProgramMap, pmt)
}

// appendTable appends the packets of a table with id and a body, which has at most the size that the standard allows.
func appendTable(out []byte, pid uint16, id byte, body []byte) []byte {
	const header, crc = 8, 4
	section := binary.BigEndian.AppendUint16([]byte{id}, 0xB000|uint16(header-3+len(body)+crc))
	section = append(section, 0, 1, 0xC1, 0, 0)
	section = append(section, body...)
	section = binary.BigEndian.AppendUint32(section, crc32(section))
	section = append([]byte{0}, section...) // pointer_field
	for n := 0; len(section) > 0; n++ {
		start := byte(0)
		if n == 0 {
			start = 0x40
		}
		out = append(out, syncByte, start|byte(pid>>8), byte(pid), 0x10|byte(n&0x0F))
		part := min(len(section), bodySize)
		out = append(out, section[:part]...)
		for range bodySize - part {
			out = append(out, 0xFF)
		}
		section = section[part:]
	}
	return out
}
