package splice

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/format/ts"
)

const (
	maxForeign = 64 << 10 // how many bytes may precede the first packet
	maxLost    = 1 << 20  // how many bytes may be skipped on end after the packets were lost
)

// errForeign reports a connection that is no transport stream, and errNoProgram one that only looks like one.
var (
	errForeign   = errors.New("it sends no MPEG transport stream of 188-byte packets: have it send one, as with ffmpeg -f mpegts")
	errNoProgram = errors.New("its transport stream has no program: neither a PAT nor the start of a PES packet")
)

// push adds bytes and calls emit for each complete packet, which may be changed, and is valid during the call. The error is
// errForeign, or that too much is skipped.
func push(s *ts.Splitter, data []byte, emit func(ts.Packet)) error {
	_, _ = s.Write(data) // never fails
	for p, _, ok := s.Next(); ok; p, _, ok = s.Next() {
		emit(p)
	}
	switch {
	case s.Packets == 0 && s.Skipped > maxForeign:
		return errForeign
	case s.Unsynced > maxLost:
		return fmt.Errorf("its transport stream is lost: no packets in %d bytes", s.Unsynced)
	}
	return nil
}

// proof holds a connection back until it is proved to be a transport stream: by a PAT with a right CRC_32, or the start of a PES
// packet. Readers would not recognize a recording that begins with other packets. Null packets before are left out.
type proof struct {
	held  []byte // at most maxHeld, and a packet
	psi   ts.PSI
	found bool
}

// push takes the next packet, and calls emit for it and the held ones once the stream is proved. emit may change its packet, which
// is valid during the call. p is not kept. The error is that it is something else.
func (f *proof) push(p ts.Packet, emit func(ts.Packet)) error {
	if f.found {
		emit(p)
		return nil
	}
	if !p.Damaged() && p.PID() == ts.NullPID {
		return nil
	}
	f.held = append(f.held, p...)
	f.found = f.psi.Take(p) || p.StartsPES()
	if !f.found {
		if len(f.held) > maxHeld {
			return fmt.Errorf("%w: %d bytes have come", errNoProgram, len(f.held))
		}
		return nil
	}
	for b := f.held; len(b) > 0; b = b[ts.PacketSize:] {
		emit(ts.Packet(b[:ts.PacketSize:ts.PacketSize]))
	}
	f.held, f.psi = nil, ts.PSI{}
	return nil
}
