// Package tr101290 watches the packets of a transport stream for what ETSI TR 101 290, 5.2, calls errors, by its names and
// numbers.
package tr101290

import (
	"fmt"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// Monitor watches the packets of a transport stream, or of a segment of one.
type Monitor struct {
	// report takes what is wrong with the packet at an offset; pid is -1 for none, lasts its time in ticks, 0 for none.
	report func(name string, pid int, offset, lasts int64, detail string)
	// repeats counts how often each table and the PCR were repeated in time, over all segments of a stream: segments need tables
	// at their beginning only (RFC 8216, 3.2), other streams have to repeat all.
	repeats map[string]int

	counters map[int]uint8
	again    map[int]bool // the last packet came twice
	pat      ts.Sections
	pmts     map[int]*ts.Sections
	mapped   map[int]bool     // program maps that have come
	pids     map[int]*watched // those that no table names, since the first packet of each
	named    map[int]bool     // PIDs that a table names
	streams  map[int]*watched // continuous streams, since the last packet of each
	pcrPID   int
	// now is the stream time in ticks by the video's DTS, without gaps; since is when each table and the PCR were there last.
	now      int64
	since    map[string]int64
	dts      int64 // on the wire
	timed    bool
	videoPID int
	lastPCR  int64 // in ticks
	hasPCR   bool
	lead     int64            // by how much the first picture behind the last PCR was after it
	fresh    bool             // no picture has followed the last PCR
	stepped  int64            // offset of a step of the PCR of which it is not known yet whether the video makes it, -1 for none
	late     map[string]bool  // reported since it was there last
	stamps   map[int]*watched // PES packets with a PTS, since the PCR at the last of each
}

// often is how often a table must have come again in a stream's segments to be due in them.
const often = 3

// NewMonitor makes a monitor; repeats is that of the stream whose segment is watched, nil for no segment.
func NewMonitor(repeats map[string]int, report func(string, int, int64, int64, string)) *Monitor {
	if repeats == nil {
		repeats = map[string]int{PATError: often, PMTError: often, PCRRepetitionError: often}
	}
	return &Monitor{
		report: report, repeats: repeats, counters: map[int]uint8{}, again: map[int]bool{}, pmts: map[int]*ts.Sections{}, mapped: map[int]bool{}, pids: map[int]*watched{},
		named: map[int]bool{}, streams: map[int]*watched{}, since: map[string]int64{}, pcrPID: UnknownPID, videoPID: UnknownPID, stepped: -1,
		late: map[string]bool{}, stamps: map[int]*watched{},
	}
}

// Packet takes the next packet.
func (m *Monitor) Packet(p ts.Packet, offset int64) {
	pid := int(p.PID())
	if p.Damaged() {
		m.report(TransportError, pid, offset, 0, "transport_error_indicator is set")
		return // nothing in it can be trusted
	}
	if pid == ts.NullPID || !p.Plausible() {
		return
	}
	m.present(pid)
	payload, broken := p.Payload(), p.Discontinuity()
	repeat, gap := false, false
	if p.HasPayload() {
		repeat, gap = m.count(pid, p.Counter(), broken, offset)
	}
	if pcr, ok := p.PCR(); ok && pid == m.pcrPID {
		m.reference(pcr, broken, offset)
	}
	if len(payload) > 0 && !repeat {
		m.table(pid, payload, p.Starts(), gap, offset)
	}
	start, ok := p.PES()
	if !ok || start.Split {
		return
	}
	m.stamp(pid, start.Timed, offset)
	if start.Timed && start.Video() {
		m.picture(pid, start.DTS, offset)
	}
}

// Lost takes bytes that are no packet (1.2), and are more than one whose sync byte is wrong where packets follow (1.1).
func (m *Monitor) Lost(offset, n int64, found bool) {
	if found && n == ts.PacketSize {
		m.report(SyncByteError, UnknownPID, offset, 0, "the sync byte of a packet is wrong")
		return
	}
	m.report(SyncByteError, UnknownPID, offset, 0, "bytes that are no packet")
	if found {
		m.report(SyncLoss, UnknownPID, offset, 0, "two sync bytes or more are not in their places")
	}
}

// count compares the continuity counter (1.4). A packet may come twice, and not more often.
func (m *Monitor) count(pid int, counter uint8, broken bool, offset int64) (repeat, gap bool) {
	before, known := m.counters[pid]
	again := m.again[pid]
	m.counters[pid] = counter
	m.again[pid] = known && !broken && counter == before
	if !known || broken {
		return false, broken
	}
	if again && m.again[pid] {
		m.report(ContinuityError, pid, offset, 0, fmt.Sprintf("continuity counter %d more than twice", counter))
	}
	if counter != before && counter != (before+1)&0x0F {
		m.report(ContinuityError, pid, offset, 0, fmt.Sprintf("continuity counter %d after %d", counter, before))
		return false, true
	}
	return counter == before, false
}

// reference takes a PCR. A step that the video makes too is a gap in the stream.
func (m *Monitor) reference(pcr int64, broken bool, offset int64) {
	if d := wireDistance(m.lastPCR, pcr); m.hasPCR && (broken || d > pcrLimit || d < 0) {
		clear(m.stamps)
		if !broken && m.timed && m.stepped < 0 {
			m.stepped = offset
		}
	}
	if gone := m.now - m.since[PCRRepetitionError]; gone > pcrLimit && !m.late[PCRRepetitionError] && m.repeats[PCRRepetitionError] >= often {
		m.report(PCRRepetitionError, m.pcrPID, offset, gone, fmt.Sprintf("the last one was %s s before", media.SecondsOf(gone)))
	}
	m.lastPCR, m.hasPCR, m.fresh = pcr, true, true
	m.came(PCRRepetitionError)
}

// came says that a table or the PCR is there.
func (m *Monitor) came(name string) {
	if before, ok := m.since[name]; ok && m.now > before && m.now-before <= absent {
		m.repeats[name]++
	}
	m.since[name] = m.now
	delete(m.late, name)
}

// wireDistance is how far b is after a, of time stamps with 33 bits.
func wireDistance(a, b int64) int64 { return media.Unwrap(b, a) - a }

// stamp takes the start of a PES packet of video or audio, with whether it has a PTS (2.5). Without PES packets no PTS is late.
func (m *Monitor) stamp(pid int, has bool, offset int64) {
	if m.streams[pid] == nil || !m.hasPCR {
		return
	}
	s := m.stamps[pid]
	if s == nil || has {
		m.stamps[pid] = &watched{since: m.lastPCR}
		return
	}
	if gone := wireDistance(s.since, m.lastPCR); gone > ptsLimit && !s.reported {
		s.reported = true
		m.report(PTSError, pid, offset, gone, fmt.Sprintf("PES packets without a PTS for more than %s s", media.SecondsOf(ptsLimit)))
	}
}

// picture takes the DTS of a picture, on the wire: stream time goes on. The first video counts.
func (m *Monitor) picture(pid int, dts, offset int64) {
	if m.videoPID == UnknownPID {
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
			m.report(PCRStepError, m.pcrPID, m.stepped, 0, fmt.Sprintf("PCR steps by %s s against the video", media.SecondsOf(off)))
		}
		m.lead, m.fresh, m.stepped = lead, false, -1
	}
	m.due(offset)
}

// due reports what has stayed away for too long.
func (m *Monitor) due(offset int64) {
	for _, d := range []struct {
		name string
		pid  int
	}{{PATError, patPID}, {PMTError, UnknownPID}, {PCRRepetitionError, m.pcrPID}} {
		gone := m.now - m.since[d.name]
		if gone > absent && !m.late[d.name] && m.repeats[d.name] >= often && (d.name != PCRRepetitionError || m.pcrPID != UnknownPID) {
			m.late[d.name] = true
			m.report(d.name, d.pid, offset, gone, fmt.Sprintf("none for more than %s s", media.SecondsOf(absent)))
		}
	}
	for _, pid := range m.overdue(m.streams, silence) {
		w := m.streams[pid]
		w.reported = true
		m.report(PIDError, pid, offset, m.now-w.since, fmt.Sprintf("no packet for more than %s s of a stream that the PMT names", media.SecondsOf(silence)))
	}
	m.unreferenced(offset)
}

// The indicators of ETSI TR 101 290 that are watched for.
const (
	SyncLoss           = "TS_sync_loss"                      // 1.1: the packets are no longer where they should be
	SyncByteError      = "Sync_byte_error"                   // 1.2: bytes between packets
	PATError           = "PAT_error"                         // 1.3
	ContinuityError    = "Continuity_count_error"            // 1.4
	PMTError           = "PMT_error"                         // 1.5
	PIDError           = "PID_error"                         // 1.6: of video and audio
	TransportError     = "Transport_error"                   // 2.1
	CRCError           = "CRC_error"                         // 2.2
	PCRRepetitionError = "PCR_repetition_error"              // 2.3a
	PCRStepError       = "PCR_discontinuity_indicator_error" // 2.3b
	PTSError           = "PTS_error"                         // 2.5
	UnreferencedPID    = "Unreferenced_PID"                  // 3.4
)

// Number is the number of an indicator.
func Number(name string) string {
	return map[string]string{
		SyncLoss: "1.1", SyncByteError: "1.2", PATError: "1.3", ContinuityError: "1.4", PMTError: "1.5", PIDError: "1.6",
		TransportError: "2.1", CRCError: "2.2", PCRRepetitionError: "2.3a", PCRStepError: "2.3b", PTSError: "2.5", UnreferencedPID: "3.4",
	}[name]
}

const (
	// absent is how long the tables may stay away (1.3, 1.5), pcrLimit the PCR (2.3a), in ticks of 90 kHz. A PCR that stays
	// away as long as no table may is reported at once, before it comes again.
	absent   = media.TicksPerSecond / 2
	pcrLimit = media.TicksPerSecond / 10
	// ptsLimit is how far PTS may be apart (2.5), silence how long a stream may stay away, which 1.6 leaves to the user:
	// as long as DVB's measuring devices have it, and longer than any encoder holds audio back.
	ptsLimit = media.TicksPerSecond * 7 / 10
	silence  = 5 * media.TicksPerSecond
	// longestStep is how much time a picture can take at most: what is more is a gap in the stream, in which nothing is
	// late.
	longestStep = media.TicksPerSecond / 10

	// UnknownPID is where no PID is known.
	UnknownPID = -1
)
