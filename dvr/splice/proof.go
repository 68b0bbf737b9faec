package splice

import (
	"fmt"

	"github.com/refstream/refstream/outputs/ts"
)

// proof holds a connection back until it is known to be a transport stream, and not something that has sync bytes in the
// right places: until a PAT with a right CRC_32 has come, or the start of a PES packet. Once a recording begins with other
// packets, readers don't know it for what it is. Null packets that come before are left out: they carry nothing.
type proof struct {
	held  []byte // at most maxHeld, and a packet
	pat   table
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
	f.found = p.PID() == 0 && f.pat.observe(p, tableProgramAssociation) || p.StartsPES()
	if !f.found {
		if len(f.held) > maxHeld {
			return fmt.Errorf("%w: %d bytes have come", errNoProgram, len(f.held))
		}
		return nil
	}
	for b := f.held; len(b) > 0; b = b[ts.PacketSize:] {
		emit(ts.Packet(b[:ts.PacketSize:ts.PacketSize]))
	}
	f.held, f.pat = nil, table{}
	return nil
}
