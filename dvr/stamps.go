package dvr

import "github.com/refstream/refstream/media"

const (
	pcrSize   = 6 // of program_clock_reference_base, its reserved bits and extension
	stampSize = 5 // of a PTS or DTS with its prefix and marker bits
	// pesHeaderSize is the part of a PES packet before the optional fields (2.4.3.6).
	pesHeaderSize = 9
)

// pcr is the base of the program clock reference: 90 kHz ticks. It is there in scrambled packets too.
func (p packet) pcr() (base int64, ok bool) {
	f := p.field()
	if p.damaged() || len(f) < 1+pcrSize || f[0]&0x10 == 0 {
		return 0, false
	}
	return readPCR(f[1:]), true
}

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

// readStamp reads the 33 bits of a PTS or DTS; ok is false when a marker bit is not set.
func readStamp(b []byte) (ticks int64, ok bool) {
	ticks = int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
	return ticks, b[0]&b[2]&b[4]&1 == 1
}

func shiftStamp(b []byte, ticks int64) {
	v, _ := readStamp(b)
	v = (v + ticks) & media.PTSMask
	b[0] = b[0]&0xF1 | byte(v>>30)<<1
	b[1] = byte(v >> 22)
	b[2] = byte(v>>15)<<1 | 1
	b[3] = byte(v >> 7)
	b[4] = byte(v)<<1 | 1
}

// pes is the start of a PES packet with time stamps.
type pes struct {
	id byte // stream_id
	// pts and dts are presentation_time_stamp and decoding_time_stamp, which is the former where that stands alone: 33 bits
	// of 90 kHz ticks.
	pts, dts int64
	// stamps are the bytes of the PTS and, where there is one, of the DTS: a part of the packet.
	stamps []byte
	// split says that there are time stamps, but not all in this packet. The other fields but id are not set then.
	split bool
}

// pes reads the start of a PES packet that a packet carries; ok is false where there is none, or it has no time stamps.
func (p packet) pes() (s pes, ok bool) {
	if !p.starts() || !p.readable() {
		return pes{}, false
	}
	b := p.payload()
	if len(b) < 4 || b[0] != 0 || b[1] != 0 || b[2] != 1 || !hasHeader(b[3]) {
		return pes{}, false
	}
	s.id = b[3]
	if len(b) < pesHeaderSize {
		s.split = true // what the header says is in the next packet
		return s, true
	}
	n := 0
	switch b[7] >> 6 {
	case 0b10:
		n = stampSize
	case 0b11:
		n = 2 * stampSize
	}
	if n == 0 || b[6]>>6 != 0b10 || int(b[8]) < n {
		return pes{}, false
	}
	if len(b) < pesHeaderSize+n {
		s.split = true
		return s, true
	}
	s.stamps = b[pesHeaderSize : pesHeaderSize+n]
	var right, also bool
	s.pts, right = readStamp(s.stamps)
	s.dts, also = readStamp(s.stamps[n-stampSize:])
	if !right || !also {
		return pes{}, false
	}
	return s, true
}

// hasHeader accepts the stream ids whose PES packets have flags and optional fields (2.4.3.7, table 2-21).
func hasHeader(id byte) bool {
	switch id {
	case 0xBC, 0xBE, 0xBF, 0xF0, 0xF1, 0xF2, 0xF8, 0xFF: // maps, padding, private_stream_2, ECM, EMM, DSM-CC, H.222.1 E, directory
		return false
	}
	return id > 0xBC
}

// isAudioVisual accepts the stream ids of audio and video (table 2-22), which go on all the time.
func isAudioVisual(id byte) bool { return id >= 0xC0 && id <= 0xEF || id == 0xFD }

// shift adds ticks to every time stamp of the packet, modulo 2^33.
func (p packet) shift(ticks int64) {
	if p.damaged() {
		return
	}
	if f := p.field(); len(f) > 0 {
		at := 1
		for _, flag := range []byte{0x10, 0x08} { // PCR, OPCR
			if f[0]&flag == 0 {
				continue
			}
			if len(f) < at+pcrSize {
				break
			}
			shiftPCR(f[at:], ticks)
			at += pcrSize
		}
	}
	if s, ok := p.pes(); ok {
		for b := s.stamps; len(b) > 0; b = b[stampSize:] {
			shiftStamp(b, ticks)
		}
	}
}
