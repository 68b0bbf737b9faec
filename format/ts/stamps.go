package ts

import "github.com/refstream/refstream/media"

// pcrSize is program_clock_reference_base, its reserved bits and extension.
const pcrSize = 6

// readPCR reads the 33 bits of the base. The extension, which counts 27 MHz in a tick, is no matter here: nothing is
// shifted by less than a tick.
func readPCR(b []byte) int64 {
	return int64(b[0])<<25 | int64(b[1])<<17 | int64(b[2])<<9 | int64(b[3])<<1 | int64(b[4])>>7
}

func shiftPCR(b []byte, ticks int64) {
	v := (readPCR(b) + ticks) & media.PTSMask
	b[0], b[1], b[2], b[3] = byte(v>>25), byte(v>>17), byte(v>>9), byte(v>>1)
	b[4] = b[4]&0x7F | byte(v<<7)
}

// readTimestamp reads the 33 bits of a PTS or DTS; ok is false when a marker bit is not set.
func readTimestamp(b []byte) (ts int64, ok bool) {
	ts = int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
	return ts, b[0]&b[2]&b[4]&1 == 1
}

func shiftTimestamp(b []byte, ticks int64) {
	v, _ := readTimestamp(b)
	appendTimestamp(b[:0], b[0]>>4, (v+ticks)&media.PTSMask)
}

// PESStart is the beginning of a PES packet (H.222.0, 2.4.3.6) in the packet that it starts in.
type PESStart struct {
	// ID is stream_id.
	ID byte
	// Timed states that it has time stamps, and that they are all in this packet. PTS and DTS are those, DTS the same as PTS
	// where that is alone: 33 bits of 90 kHz ticks.
	Timed    bool
	PTS, DTS int64
	// Split states that there may be time stamps, but not all are in this packet.
	Split bool
	// Content is what follows the header, empty where that continues in the next packet.
	Content []byte

	stamps []byte // the bytes of the PTS and, where there is one, of the DTS: a part of the packet
}

// Video reports whether its stream_id is one of video, or extended_stream_id (table 2-22).
func (s PESStart) Video() bool { return isVideoID(s.ID) }

// Audio reports whether its stream_id is one of audio.
func (s PESStart) Audio() bool { return s.ID>>5 == 0b110 }

// StartsPES reports whether a PES packet of a stream, of whatever kind, starts here.
func (p Packet) StartsPES() bool {
	b := p.Payload()
	return p.Starts() && p.Readable() && len(b) >= 4 && b[0] == 0 && b[1] == 0 && b[2] == 1 && b[3] >= 0xBC
}

// PES reads the start of a PES packet, of a kind that has a header with flags (2.4.3.7), that a packet carries; ok is false
// where there is none, or its time stamps are no such.
func (p Packet) PES() (s PESStart, ok bool) {
	b := p.Payload()
	if !p.StartsPES() || !hasHeader(b[3]) {
		return s, false
	}
	s.ID = b[3]
	if len(b) < pesHeaderSize {
		s.Split = true // what the header states is in the next packet
		return s, true
	}
	if b[6]>>6 != 0b10 {
		return s, false
	}
	n := 0
	switch b[7] >> 6 {
	case 0b10:
		n = timestampSize
	case 0b11:
		n = 2 * timestampSize
	}
	if int(b[8]) < n {
		return s, false
	}
	if len(b) < pesHeaderSize+n {
		s.Split = true
		return s, true
	}
	s.Content = b[min(pesHeaderSize+int(b[8]), len(b)):]
	if n == 0 {
		return s, true
	}
	s.stamps = b[pesHeaderSize : pesHeaderSize+n]
	var right, also bool
	s.PTS, right = readTimestamp(s.stamps)
	s.DTS, also = readTimestamp(s.stamps[n-timestampSize:])
	s.Timed = right && also
	return s, s.Timed
}

// hasHeader accepts the stream ids whose PES packets have flags and optional fields (table 2-21).
func hasHeader(id byte) bool {
	switch id {
	case 0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF: // maps, padding, private_stream_2, ECM, EMM, DSM-CC, H.222.1 E, directory
		return false
	}
	return true
}

// Shift adds ticks of 90 kHz to every time stamp of the packet, modulo 2^33: PCR, OPCR, PTS and DTS.
func (p Packet) Shift(ticks int64) {
	p.ShiftPCR(ticks)
	if s, ok := p.PES(); ok && !p.Damaged() {
		for b := s.stamps; len(b) > 0; b = b[timestampSize:] {
			shiftTimestamp(b, ticks)
		}
	}
}

// ShiftPCR adds ticks of 90 kHz to PCR and OPCR, modulo 2^33.
func (p Packet) ShiftPCR(ticks int64) {
	f := p.Field()
	if p.Damaged() || len(f) == 0 {
		return
	}
	at := 1
	for _, flag := range []byte{flagPCR, flagOPCR} {
		if f[0]&flag == 0 {
			continue
		}
		if len(f) < at+pcrSize {
			return
		}
		shiftPCR(f[at:], ticks)
		at += pcrSize
	}
}

// DropPCR takes the PCR out of the adaptation field, whose length stays, and reports whether there was one.
func (p Packet) DropPCR() bool {
	_, ok := p.PCR()
	if ok {
		f := p.Field()
		f[0] &^= flagPCR
		dropBytes(f[1:], pcrSize)
	}
	return ok
}

// DropStamps takes PTS and DTS out of the header of the PES packet that begins in the packet, and reports whether there were any:
// a header's length stays, and one that is not all in this packet stays as it is.
func (p Packet) DropStamps() bool {
	s, ok := p.PES()
	b := p.Payload()
	if !ok || len(s.stamps) == 0 || len(b) < pesHeaderSize+int(b[8]) {
		return false
	}
	b[7] &^= 0xC0 // PTS_DTS_flags
	dropBytes(b[pesHeaderSize:pesHeaderSize+int(b[8])], len(s.stamps))
	return true
}

// dropBytes takes the first n bytes out, with stuffing at the end in their place.
func dropBytes(b []byte, n int) {
	for i := copy(b, b[n:]); i < len(b); i++ {
		b[i] = 0xFF
	}
}
