package analyzer

import (
	"encoding/binary"
	"fmt"

	"github.com/refstream/refstream/media"
)

// Transport is the source of what is wrong with the packets of a transport stream, by the names and numbers of ETSI TR 101
// 290, 5.2.
const Transport Source = "ts.transport"

// The indicators of ETSI TR 101 290 that are watched for.
const (
	SyncByteError      = "Sync_byte_error"                   // 1.2: bytes between packets
	PATError           = "PAT_error"                         // 1.3
	ContinuityError    = "Continuity_count_error"            // 1.4
	PMTError           = "PMT_error"                         // 1.5
	TransportError     = "Transport_error"                   // 2.1
	CRCError           = "CRC_error"                         // 2.2
	PCRRepetitionError = "PCR_repetition_error"              // 2.3a
	PCRStepError       = "PCR_discontinuity_indicator_error" // 2.3b
)

// indicatorNumber is the number of an indicator.
func indicatorNumber(name string) string {
	return map[string]string{
		SyncByteError: "1.2", PATError: "1.3", ContinuityError: "1.4", PMTError: "1.5", TransportError: "2.1", CRCError: "2.2",
		PCRRepetitionError: "2.3a", PCRStepError: "2.3b",
	}[name]
}

const (
	// absent is how long the tables may stay away (1.3, 1.5), pcrLimit the PCR (2.3a), in ticks of 90 kHz. A PCR that stays
	// away as long as no table may is told at once, before it comes again.
	absent   = media.TicksPerSecond / 2
	pcrLimit = media.TicksPerSecond / 10
	// longestStep is how much time a picture can take at most: what is more is a gap in the stream, in which nothing is
	// late.
	longestStep = media.TicksPerSecond / 10

	nullPacket  = 0x1FFF
	unknownPID  = -1
	tablePAT    = 0
	tablePMT    = 2
	sectionHead = 3
)

// transportMonitor watches the packets of a transport stream.
type transportMonitor struct {
	// tell is told what is wrong with the packet at an offset; pid is -1 for none, lasts how long it was so in ticks, 0 for
	// what is so at once.
	tell func(name string, pid int, offset, lasts int64, detail string)
	// timing says that tables and PCR are due again and again: not so in a segment, which begins with its tables.
	timing bool

	counters map[int]uint8
	pmts     map[int]bool
	pcrPID   int
	// now is the stream time in ticks by the video's DTS, without gaps; the others are when each was there last.
	now, pat, pmt, pcr int64
	dts                int64 // on the wire
	timed              bool
	videoPID           int
	lastPCR            int64 // in ticks
	hasPCR             bool
	lead               int64           // by how much the first picture behind the last PCR was after it
	fresh              bool            // no picture has followed the last PCR
	stepped            int64           // offset of a step of the PCR of which it is not known yet whether the video makes it, -1 for none
	late               map[string]bool // told since it was there last
}

func newTransportMonitor(timing bool, tell func(string, int, int64, int64, string)) *transportMonitor {
	return &transportMonitor{
		tell: tell, timing: timing, counters: map[int]uint8{}, pmts: map[int]bool{}, pcrPID: unknownPID,
		videoPID: unknownPID, stepped: -1, late: map[string]bool{},
	}
}

// packet takes the next packet.
func (m *transportMonitor) packet(p []byte, offset int64) {
	pid := int(p[1]&0x1F)<<8 | int(p[2])
	if p[1]&0x80 != 0 {
		m.tell(TransportError, pid, offset, 0, "transport_error_indicator is set")
		return // nothing in it can be trusted
	}
	if pid == nullPacket {
		return
	}
	payload, field := p[4:], []byte(nil)
	if p[3]&0x20 != 0 {
		n := 1 + int(payload[0])
		if n > len(payload) {
			return
		}
		field, payload = payload[1:n], payload[n:]
	}
	broken := len(field) > 0 && field[0]&0x80 != 0 // discontinuity_indicator
	if p[3]&0x10 != 0 {
		m.count(pid, p[3]&0x0F, broken, offset)
	} else {
		payload = nil
	}
	if pid == m.pcrPID && len(field) >= 6 && field[0]&0x10 != 0 {
		m.reference(int64(binary.BigEndian.Uint32(field[1:]))<<1|int64(field[5]>>7), broken, offset)
	}
	if p[1]&0x40 != 0 && len(payload) > 0 && (pid == 0 || m.pmts[pid]) {
		m.section(pid, payload, offset)
	}
}

// count compares the continuity counter (1.4). A packet may come twice.
func (m *transportMonitor) count(pid int, counter uint8, broken bool, offset int64) {
	before, known := m.counters[pid]
	m.counters[pid] = counter
	if known && !broken && counter != before && counter != (before+1)&0x0F {
		m.tell(ContinuityError, pid, offset, 0, fmt.Sprintf("continuity counter %d after %d", counter, before))
	}
}

// reference takes a PCR. A step that the video makes too is a gap in the stream.
func (m *transportMonitor) reference(pcr int64, broken bool, offset int64) {
	if d := wireDistance(m.lastPCR, pcr); m.hasPCR && !broken && m.timed && m.stepped < 0 && (d > pcrLimit || d < 0) {
		m.stepped = offset
	}
	if gone := m.now - m.pcr; m.timing && gone > pcrLimit && !m.late[PCRRepetitionError] {
		m.tell(PCRRepetitionError, m.pcrPID, offset, gone, fmt.Sprintf("the last one was %s s before", secondsOf(gone)))
	}
	m.lastPCR, m.hasPCR, m.fresh, m.pcr = pcr, true, true, m.now
	delete(m.late, PCRRepetitionError)
}

// wireDistance is how far b is after a, of time stamps with 33 bits.
func wireDistance(a, b int64) int64 {
	const half = tsWrap / 2
	return (b-a+half)&(tsWrap-1) - half
}

// section takes a table that is in one packet.
func (m *transportMonitor) section(pid int, payload []byte, offset int64) {
	start := 1 + int(payload[0])
	if start+sectionHead > len(payload) {
		return
	}
	s := payload[start:]
	n := sectionHead + int(binary.BigEndian.Uint16(s[1:])&0x0FFF)
	whole := n <= len(s) // else it goes on in another packet
	s = s[:min(n, len(s))]
	name, wanted := PMTError, byte(tablePMT)
	if pid == 0 {
		name, wanted = PATError, tablePAT
	}
	const fixed = 12 // header and CRC
	switch {
	case s[0] != wanted:
		if pid == 0 {
			m.tell(name, pid, offset, 0, fmt.Sprintf("table_id %d in place of %d", s[0], wanted))
		}
		return // other tables may be on the PID of a PMT
	case len(s) < fixed || whole && crcMPEG(s) != 0:
		m.tell(CRCError, pid, offset, 0, "CRC_32 of the section is wrong")
		return
	}
	delete(m.late, name)
	body := s[8:]
	if whole {
		body = s[8 : n-4]
	}
	if pid != 0 {
		if len(body) < 2 {
			return
		}
		m.pmt, m.pcrPID = m.now, int(binary.BigEndian.Uint16(body)&nullPacket)
		return
	}
	m.pat = m.now
	for ; len(body) >= 4; body = body[4:] {
		if binary.BigEndian.Uint16(body) != 0 {
			m.pmts[int(binary.BigEndian.Uint16(body[2:])&nullPacket)] = true
		}
	}
}

// picture takes the DTS of a picture, on the wire: stream time goes on. The first video counts.
func (m *transportMonitor) picture(pid int, dts, offset int64) {
	if m.videoPID == unknownPID {
		m.videoPID = pid
	}
	if pid != m.videoPID {
		return
	}
	if m.timed {
		m.now += min(max(wireDistance(m.dts, dts), 0), longestStep)
	}
	m.dts, m.timed = dts, true
	if m.fresh {
		lead := wireDistance(m.lastPCR, dts)
		if off := m.lead - lead; m.stepped >= 0 && (off > pcrLimit || off < -pcrLimit) {
			m.tell(PCRStepError, m.pcrPID, m.stepped, 0, fmt.Sprintf("PCR steps by %s s against the video", secondsOf(off)))
		}
		m.lead, m.fresh, m.stepped = lead, false, -1
	}
	if !m.timing {
		return
	}
	for _, due := range []struct {
		name  string
		pid   int
		since int64
	}{{PATError, 0, m.pat}, {PMTError, unknownPID, m.pmt}, {PCRRepetitionError, m.pcrPID, m.pcr}} {
		if gone := m.now - due.since; gone > absent && !m.late[due.name] && (due.name != PCRRepetitionError || m.pcrPID != unknownPID) {
			m.late[due.name] = true
			m.tell(due.name, due.pid, offset, gone, fmt.Sprintf("none for more than %s s", secondsOf(absent)))
		}
	}
}

// crcMPEG is the CRC_32 of ISO/IEC 13818-1, annex A: 0 over a section with its CRC.
func crcMPEG(b []byte) uint32 {
	const polynomial = 0x04C11DB7
	crc := uint32(0xFFFFFFFF)
	for _, v := range b {
		crc ^= uint32(v) << 24
		for range 8 {
			if crc&(1<<31) != 0 {
				crc = crc<<1 ^ polynomial
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// transportRecord passes on what is wrong with a packet.
func (x *extractor) transportRecord(name string, pid int, offset, lasts int64, detail string) {
	b := append(appendText([]byte(`{"indicator":`), name), `,"number":`...)
	b = appendText(b, indicatorNumber(name))
	if pid != unknownPID {
		b = appendInt(append(b, ','), "pid", int64(pid))
	}
	b = append(appendText(append(b, `,"detail":`...), detail), '}')
	r := Record{Source: Transport, Extra: b, Unit: -1}
	if lasts > 0 {
		r.Duration = &lasts
	}
	x.now, x.at.offset = x.o.Now(), offset
	if x.timed {
		pts := x.dts
		seconds := secondsOf(pts)
		r.PTS, r.StreamTime = &pts, &seconds
	}
	x.record(r)
}
