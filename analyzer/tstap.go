package analyzer

import (
	"io"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/outputs/ts"
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
	if err != nil && len(t.rest) > 0 && t.rest[0] != ts.SyncByte {
		t.garbage(SyncByteError, "bytes that are no packet")
	}
	return n, err
}

func (t *tsTap) scan(b []byte) {
	if len(t.rest) > 0 {
		t.rest = append(t.rest, b...)
		b = t.rest
	}
	for len(b) >= ts.PacketSize {
		n := ts.PacketSize
		if b[0] == ts.SyncByte {
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
	const two = 2 * ts.PacketSize
	if len(b) <= two {
		return 0
	}
	if b[ts.PacketSize] == ts.SyncByte && b[two] == ts.SyncByte {
		t.garbage(SyncByteError, "the sync byte of a packet is wrong")
		return ts.PacketSize
	}
	if !t.lost {
		t.garbage(SyncByteError, "bytes that are no packet")
		t.lost = false
		t.garbage(SyncLoss, "two sync bytes or more are not in their places")
	}
	for i := 1; i+two < len(b); i++ {
		if b[i] == ts.SyncByte && b[i+ts.PacketSize] == ts.SyncByte && b[i+two] == ts.SyncByte {
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

// look notes a packet that begins a PES packet with a PTS.
func (t *tsTap) look(p ts.Packet, offset int64) {
	t.begun, t.lost = true, false
	if t.monitor != nil {
		t.monitor.packet(p, offset)
	}
	start, ok := p.PES()
	if !ok || start.Split {
		return
	}
	if t.monitor != nil {
		t.monitor.stamp(int(p.PID()), start.Timed, offset)
	}
	if !start.Timed {
		return
	}
	if start.Video() {
		t.lastPicture = offset
		if t.monitor != nil {
			t.monitor.picture(int(p.PID()), start.DTS, offset)
		}
	}
	if len(t.starts) == maxStarts {
		t.starts = append(t.starts[:0], t.starts[maxStarts/2:]...)
	}
	t.starts = append(t.starts, pesStart{offset, start.PTS, start.DTS})
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
