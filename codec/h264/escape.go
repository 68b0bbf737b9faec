package h264

import "bytes"

const emulationPrevention = 3

// Escape is the RBSP with emulation prevention bytes (H.264, 7.4.1): no start code can be found in it. An RBSP that
// ends in a cabac_zero_word, 0x0000, gets a final 0x03. The result is a new slice.
//
// A single zero byte at the end, which no RBSP has, is kept, and is lost in an Annex B stream.
func Escape(rbsp []byte) []byte {
	return AppendEscaped(make([]byte, 0, len(rbsp)+len(rbsp)/64+1), rbsp)
}

// AppendEscaped appends the RBSP to dst as Escape makes it, and returns the extended slice. What dst held before is
// not looked at.
func AppendEscaped(dst, rbsp []byte) []byte {
	e := escaper{dst: dst}
	e.write(rbsp)
	return e.finish()
}

// Unescape is the RBSP of an escaped byte sequence, which may be a whole NAL unit with its header: the third byte of
// every 00 00 03 is left out. Where there is none the input itself is returned, else a new slice; the input is never
// changed.
func Unescape(b []byte) []byte {
	pattern := []byte{0, 0, emulationPrevention}
	i := bytes.Index(b, pattern)
	if i < 0 {
		return b
	}
	out := make([]byte, 0, len(b)-1)
	for ; i >= 0; i = bytes.Index(b, pattern) {
		out = append(out, b[:i+2]...)
		b = b[i+3:]
	}
	return append(out, b...)
}

// escaper appends bytes to dst and puts emulation prevention between them; the zeros before a piece of data are
// remembered, so the pieces of one RBSP can be written one by one.
type escaper struct {
	dst   []byte
	zeros int
}

func (e *escaper) write(b []byte) {
	for _, c := range b {
		e.writeByte(c)
	}
}

func (e *escaper) writeByte(c byte) {
	if e.zeros >= 2 && c <= emulationPrevention {
		e.dst = append(e.dst, emulationPrevention)
		e.zeros = 0
	}
	if e.dst = append(e.dst, c); c == 0 {
		e.zeros++
	} else {
		e.zeros = 0
	}
}

// finish ends the RBSP and returns dst.
func (e *escaper) finish() []byte {
	if e.zeros >= 2 {
		e.dst = append(e.dst, emulationPrevention)
	}
	return e.dst
}
