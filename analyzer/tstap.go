package analyzer

import (
	"io"

	"github.com/refstream/refstream/media"
)

// maxStarts bounds the PES packets that wait to be asked for: a second of fifty programs, of which one is read.
const maxStarts = 4096

// tsTap passes a transport stream through to its reader and notes where the PES packets begin, so that what the reader
// makes of them can be given its place in the bytes. PES packets are distinguished by their time stamps.
type tsTap struct {
	r      io.Reader
	at     int64  // bytes looked at
	rest   []byte // those that have come since: a part of a packet, or more where the grid of packets is to be found again
	starts []pesStart
	// lastPicture is where the last PES packet of a video stream begins.
	lastPicture int64
	monitor     *transportMonitor // nil for none
	begun       bool              // a packet has come
	lost        bool              // bytes that are no packet were reported
}

// pesStart is the packet that begins a PES packet.
type pesStart struct {
	offset   int64
	pts, dts int64 // on the wire
}

// Read reads once and looks at what came.
func (t *tsTap) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.scan(b[:n])
	if err != nil && len(t.rest) > 0 && t.rest[0] != syncByte {
		t.garbage(SyncByteError, "bytes that are no packet")
	}
	return n, err
}

func (t *tsTap) scan(b []byte) {
	if len(t.rest) > 0 {
		t.rest = append(t.rest, b...)
		b = t.rest
	}
	for len(b) >= packetSize {
		n := packetSize
		if b[0] == syncByte {
			t.look(b[:n], t.at)
		} else if n = t.resync(b); n == 0 {
			break
		}
		b, t.at = b[n:], t.at+int64(n)
	}
	t.rest = append(t.rest[:0], b...)
}

// resync is how many bytes come before the next packet, where a sync byte is not in its place; 0 where more must come to
// find it. With the next two in theirs only this one is wrong; else the grid is lost (TR 101 290, 1.1), and is where three
// follow each other.
func (t *tsTap) resync(b []byte) int {
	const two = 2 * packetSize
	if len(b) <= two {
		return 0
	}
	if b[packetSize] == syncByte && b[two] == syncByte {
		t.garbage(SyncByteError, "the sync byte of a packet is wrong")
		return packetSize
	}
	if !t.lost {
		t.garbage(SyncByteError, "bytes that are no packet")
		t.lost = false
		t.garbage(SyncLoss, "two sync bytes or more are not in their places")
	}
	for i := 1; i+two < len(b); i++ {
		if b[i] == syncByte && b[i+packetSize] == syncByte && b[i+two] == syncByte {
			return i
		}
	}
	return len(b) - two
}

// garbage reports bytes that are no packet, once until one comes. Where a stream is joined is no fault of it.
func (t *tsTap) garbage(name, detail string) {
	if t.begun && !t.lost && t.monitor != nil {
		t.monitor.report(name, unknownPID, t.at, 0, detail)
	}
	t.lost = true
}

// look notes a packet that begins a PES packet with a PTS (ISO/IEC 13818-1, 2.4.3.2 and 2.4.3.6).
func (t *tsTap) look(p []byte, offset int64) {
	const hasPTS, hasDTS, header, timestamp = 0x80, 0x40, 9, 5
	t.begun, t.lost = true, false
	if t.monitor != nil {
		t.monitor.packet(p, offset)
	}
	if p[1]&0x40 == 0 { // payload_unit_start_indicator
		return
	}
	payload := p[4:]
	if p[3]&0x20 != 0 {
		n := 1 + int(payload[0])
		if n > len(payload) {
			return
		}
		payload = payload[n:]
	}
	if len(payload) < header+timestamp || payload[0] != 0 || payload[1] != 0 || payload[2] != 1 {
		return
	}
	if t.monitor != nil {
		t.monitor.stamp(int(p[1]&0x1F)<<8|int(p[2]), payload[7]&hasPTS != 0, offset)
	}
	if payload[7]&hasPTS == 0 {
		return
	}
	if id := payload[3]; id>>4 == 0xE || id == 0xFD { // video, and extended_stream_id (table 2-22)
		t.lastPicture = offset
	}
	s := pesStart{offset: offset, pts: timestampOf(payload[header:])}
	s.dts = s.pts
	if payload[7]&hasDTS != 0 && len(payload) >= header+2*timestamp {
		s.dts = timestampOf(payload[header+timestamp:])
	}
	if t.monitor != nil && t.lastPicture == offset {
		t.monitor.picture(int(p[1]&0x1F)<<8|int(p[2]), s.dts, offset)
	}
	if len(t.starts) == maxStarts {
		t.starts = append(t.starts[:0], t.starts[maxStarts/2:]...)
	}
	t.starts = append(t.starts, s)
}

// timestampOf is a PTS or DTS on the wire.
func timestampOf(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

// unit is where the access unit with these time stamps begins, -1 where that is not known. Units are asked for in their
// order, and what comes before one is forgotten.
func (t *tsTap) unit(pts, dts int64) int64 {
	for i, s := range t.starts {
		if s.pts == pts&media.PTSMask && s.dts == dts&media.PTSMask {
			t.starts = append(t.starts[:0], t.starts[i+1:]...)
			return s.offset
		}
	}
	return -1
}

// tag is where the ID3 tag with this PTS begins. Nothing is forgotten: tags may come out of turn.
func (t *tsTap) tag(pts int64) int64 {
	for _, s := range t.starts {
		if s.pts == pts&media.PTSMask {
			return s.offset
		}
	}
	return -1
}
