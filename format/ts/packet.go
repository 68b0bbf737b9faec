package ts

import (
	"bytes"
	"encoding/binary"
)

// Packet is a packet of a transport stream: PacketSize bytes, of which the first is SyncByte (H.222.0, 2.4.3.2). What the
// other bytes say may be anything.
type Packet []byte

// PID is 13 bits.
func (p Packet) PID() uint16 { return binary.BigEndian.Uint16(p[1:]) & NullPID }

// Starts reports payload_unit_start_indicator.
func (p Packet) Starts() bool { return p[1]&flagStart != 0 }

// Damaged reports transport_error_indicator: nothing else in the packet can be relied upon.
func (p Packet) Damaged() bool { return p[1]&0x80 != 0 }

// Readable reports whether the payload can be understood: it is neither damaged nor scrambled.
func (p Packet) Readable() bool { return !p.Damaged() && p[3]&0xC0 == 0 }

// Plausible reports whether a header may be that of a packet: adaptation_field_control is not the reserved 00 (2.4.3.3),
// and the adaptation field fits. It looks at the first five bytes only.
func (p Packet) Plausible() bool {
	return p.Damaged() || p[3]&0x30 != 0 && (p[3]&0x20 == 0 || p[4] < bodySize)
}

// Counter is the continuity counter: 4 bits.
func (p Packet) Counter() uint8 { return p[3] & 0x0F }

// SetCounter sets the continuity counter, to the low 4 bits of c.
func (p Packet) SetCounter(c uint8) { p[3] = p[3]&0xF0 | c&0x0F }

// Field is the adaptation field without its length, empty where there is none or it doesn't fit (2.4.3.4).
func (p Packet) Field() []byte {
	if p[3]&0x20 == 0 || p[4] >= bodySize {
		return nil
	}
	return p[5 : 5+p[4]]
}

// HasPayload reports whether there is a payload, which may be empty: only such packets are counted (2.4.3.3).
func (p Packet) HasPayload() bool { return p[3]&0x10 != 0 }

// Payload is what is carried, empty where there is nothing or the adaptation field doesn't fit.
func (p Packet) Payload() []byte {
	switch {
	case !p.HasPayload():
		return nil
	case p[3]&0x20 == 0:
		return p[headerSize:]
	case p[4] >= bodySize:
		return nil
	}
	return p[5+p[4]:]
}

// flag reports whether a flag of the adaptation field is set.
func (p Packet) flag(flag byte) bool {
	f := p.Field()
	return len(f) > 0 && f[0]&flag != 0
}

// Discontinuity reports discontinuity_indicator (2.4.3.5).
func (p Packet) Discontinuity() bool { return p.flag(flagDiscontinuity) }

// RandomAccess reports random_access_indicator.
func (p Packet) RandomAccess() bool { return p.flag(flagRandomAccess) }

// PCR is the base of the program clock reference: 90 kHz ticks, 33 bits. It is there in scrambled packets too.
func (p Packet) PCR() (base int64, ok bool) {
	f := p.Field()
	if p.Damaged() || len(f) < 1+pcrSize || f[0]&flagPCR == 0 {
		return 0, false
	}
	return readPCR(f[1:]), true
}

// MarkBreak sets discontinuity_indicator, and reports whether there is an adaptation field to set it in.
func (p Packet) MarkBreak() bool {
	f := p.Field()
	if len(f) == 0 {
		return false
	}
	f[0] |= flagDiscontinuity
	return true
}

// AppendBreak appends a packet that has discontinuity_indicator and nothing else. It goes in front of p: a packet without
// payload has the counter of the one before it (2.4.3.3).
func AppendBreak(out []byte, p Packet) []byte {
	before := (p.Counter() - 1) & 0x0F
	out = append(out, SyncByte, p[1]&0x1F, p[2], 0x20|before, bodySize-1, flagDiscontinuity)
	for range bodySize - 2 {
		out = append(out, 0xFF)
	}
	return out
}

// continuity watches the packets of one PID that have a payload (H.222.0, 2.4.3.3).
type continuity struct {
	counter int    // continuity counter of the last packet, -1 for none
	last    []byte // its payload
}

// reset forgets what was, for another stream.
func (c *continuity) reset() { c.counter = -1 }

// take takes the next packet: repeat states that it is the last one a second time, gap that packets are missing before it.
func (c *continuity) take(payload []byte, counter int, discontinuity bool) (repeat, gap bool) {
	if c.counter >= 0 && !discontinuity {
		if counter == c.counter && bytes.Equal(payload, c.last) {
			return true, false
		}
		gap = counter != (c.counter+1)&0x0F
	}
	c.counter, c.last = counter, append(c.last[:0], payload...)
	return false, gap
}
