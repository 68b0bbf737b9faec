package splice

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/format/ts"
)

const (
	// maxForeign is how many bytes without a transport stream at the start are taken to be something else.
	maxForeign = 64 << 10
	// maxLost is how many bytes may be skipped on end after the packets were lost.
	maxLost = 1 << 20
)

// errForeign is a connection that brings something else than a transport stream, and errNoProgram one that looks like one
// and has nothing in it.
var (
	errForeign   = errors.New("it sends no MPEG transport stream of 188-byte packets: have it send one, as with ffmpeg -f mpegts")
	errNoProgram = errors.New("its transport stream has no program: neither a PAT nor the start of a PES packet")
)

// push takes the next bytes and calls emit for every packet that is complete now. The packet may be changed, and is valid
// during the call only. The error is errForeign, or another one when too much is skipped.
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

// proof holds a connection back until it is known to be a transport stream, and not something that has sync bytes in the
// right places: until a PAT with a right CRC_32 has come, or the start of a PES packet. Once a recording begins with other
// packets, readers don't know it for what it is. Null packets that come before are left out: they carry nothing.
type proof struct {
	held  []byte // at most maxHeld, and a packet
	psi   ts.PSI
	found bool
}

// push takes the next packet, and calls emit for it and for those that were held back, if it is known now what they are.
// emit's packet may be changed, and is valid during the call only. p is not kept. The error is that of a connection that
// is something else.
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
