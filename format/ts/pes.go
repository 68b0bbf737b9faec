package ts

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// pesPrefixSize is the part of a PES packet that PES_packet_length does not count.
	pesPrefixSize = 6
	// pesHeaderSize is the part before the optional fields.
	pesHeaderSize = 9
	timestampSize = 5
)

// pesSize is the whole size of the PES packet that b begins, or 0 when it doesn't state that or not enough of it is here.
func pesSize(b []byte) int {
	if len(b) < pesPrefixSize {
		return 0
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n == 0 {
		return 0
	}
	return pesPrefixSize + n
}

// pesPacket is a PES packet: its time stamps as on the wire and its data.
type pesPacket struct {
	timed    bool // it has a PTS; its DTS is the same where it has none
	pts, dts int64
	data     []byte
}

// parsePES reads a whole PES packet (H.222.0, 2.4.3.6) of a stream whose stream_id isID accepts; its data is a part of b.
func parsePES(b []byte, isID func(byte) bool) (pesPacket, error) {
	if len(b) < pesHeaderSize || b[0] != 0 || b[1] != 0 || b[2] != 1 {
		return pesPacket{}, errors.New("no PES packet where one should start")
	}
	if !isID(b[3]) || b[6]>>6 != 0b10 {
		return pesPacket{}, fmt.Errorf("PES packet of another kind (stream_id 0x%02X)", b[3])
	}
	flags, optional := b[7]>>6, b[pesHeaderSize:]
	if int(b[8]) > len(optional) {
		return pesPacket{}, errors.New("PES header is longer than the packet")
	}
	optional, data := optional[:b[8]], optional[b[8]:]
	p := pesPacket{timed: true, data: data}
	var ok, dtsOK bool
	switch {
	case flags == 0b10 && len(optional) >= timestampSize:
		p.pts, ok = readTimestamp(optional)
		p.dts, dtsOK = p.pts, ok
	case flags == 0b11 && len(optional) >= 2*timestampSize:
		p.pts, ok = readTimestamp(optional)
		p.dts, dtsOK = readTimestamp(optional[timestampSize:])
	default:
		return pesPacket{data: data}, nil
	}
	if !ok || !dtsOK {
		return pesPacket{}, errors.New("PTS or DTS without its marker bits")
	}
	return p, nil
}

// assembly puts the PES packets of one PID together.
type assembly struct {
	continuity
	open  bool   // a PES packet is being put together
	pes   []byte // its bytes, at most as many as it states
	begun int64  // where it begins
}

// take takes the PID's next packet with a payload, the number'th of the stream; gap reports that packets are missing before it. It calls
// finish at the end of a PES packet, and drop for one that lost a packet or has more than most bytes.
func (a *assembly) take(p Packet, offset, number int64, most int, finish func(), drop func(error)) (gap bool) {
	payload, last := p.Payload(), a.counter
	repeat, gap := a.continuity.take(payload, int(p.Counter()), p.Discontinuity())
	if repeat {
		return false
	}
	if gap {
		drop(fmt.Errorf("packets are missing before packet %d (continuity counter %d after %d)", number, p.Counter(), last))
	}
	if p.Starts() {
		finish()
		a.open, a.pes, a.begun = true, a.pes[:0], offset
	}
	if !a.open {
		return gap
	}
	a.pes = append(a.pes, payload...)
	if n := pesSize(a.pes); n > 0 && len(a.pes) >= n {
		a.pes = a.pes[:n]
		finish()
	} else if len(a.pes) > most {
		drop(fmt.Errorf("access unit is longer than %d bytes at packet %d", most, number))
	}
	return gap
}

// isVideoID accepts the stream ids of video and extended_stream_id (table 2-22).
func isVideoID(id byte) bool { return id>>4 == streamIDVideo>>4 || id == 0xFD }
