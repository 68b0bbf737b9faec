package dvr

const (
	packetSize = 188  // of a transport stream (2.4.3.2)
	syncByte   = 0x47 // first byte of every packet
	nullPID    = 0x1FFF
	// bodySize is what a packet has besides its header.
	bodySize = packetSize - 4
	// headerSize is the header and the length of the adaptation field.
	headerSize = 5
)

// packet is a packet of a transport stream: packetSize bytes, of which the first is the sync byte. What the other bytes
// say may be anything.
type packet []byte

func (p packet) pid() uint16 { return uint16(p[1]&0x1F)<<8 | uint16(p[2]) }

// starts reports payload_unit_start_indicator.
func (p packet) starts() bool { return p[1]&0x40 != 0 }

// damaged reports transport_error_indicator: nothing else in the packet can be relied upon.
func (p packet) damaged() bool { return p[1]&0x80 != 0 }

// readable reports whether the payload can be understood: it is neither damaged nor scrambled.
func (p packet) readable() bool { return !p.damaged() && p[3]&0xC0 == 0 }

// plausible reports whether a header may be that of a packet: adaptation_field_control is not the reserved 00 (2.4.3.3),
// and the adaptation field fits. It looks at headerSize bytes only.
func (p packet) plausible() bool {
	return p.damaged() || p[3]&0x30 != 0 && (p[3]&0x20 == 0 || p[4] < bodySize)
}

// startsPES reports whether a PES packet of a stream starts here (2.4.3.6), with or without time stamps.
func (p packet) startsPES() bool {
	if !p.starts() || !p.readable() {
		return false
	}
	b := p.payload()
	return len(b) >= 4 && b[0] == 0 && b[1] == 0 && b[2] == 1 && b[3] >= 0xBC
}

func (p packet) counter() uint8 { return p[3] & 0x0F }

func (p packet) setCounter(c uint8) { p[3] = p[3]&0xF0 | c&0x0F }

// field is the adaptation field without its length, empty where there is none or it doesn't fit (2.4.3.4).
func (p packet) field() []byte {
	if p[3]&0x20 == 0 || p[4] >= bodySize {
		return nil
	}
	return p[5 : 5+p[4]]
}

// payload is what is carried, empty where there is nothing or the adaptation field doesn't fit.
func (p packet) payload() []byte {
	switch {
	case p[3]&0x10 == 0:
		return nil
	case p[3]&0x20 == 0:
		return p[4:]
	case p[4] >= bodySize:
		return nil
	}
	return p[5+p[4]:]
}

// markBreak sets discontinuity_indicator, and reports whether there is an adaptation field to set it in (2.4.3.5).
func (p packet) markBreak() bool {
	f := p.field()
	if len(f) == 0 {
		return false
	}
	f[0] |= 0x80
	return true
}

// appendBreak appends a packet that has discontinuity_indicator and nothing else. It goes in front of p: a packet without
// payload has the counter of the one before it (2.4.3.3).
func appendBreak(out []byte, p packet) []byte {
	before := (p.counter() - 1) & 0x0F
	out = append(out, syncByte, p[1]&0x1F, p[2], 0x20|before, bodySize-1, 0x80)
	for range bodySize - 2 {
		out = append(out, 0xFF)
	}
	return out
}
