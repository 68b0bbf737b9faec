package h264

import (
	"fmt"
	"io"
)

// maxExpGolombZeros bounds the zeros before an Exp-Golomb code: 31 give the largest value that a syntax element has,
// 2^32 - 2 (H.264, 9.1 and E.2.2).
const maxExpGolombZeros = 31

// BitReader reads the syntax elements of an RBSP (H.264, 7.2 and 9.1), most significant bit first. The first error
// stays: every read after it gives zero, so a parser may read a whole structure and then ask Err once. Loop bounds
// must be checked before they are used.
type BitReader struct {
	data []byte
	pos  int // in bits
	err  error
}

// NewBitReader reads data, which must not have emulation prevention. The reader keeps the slice and doesn't change it.
func NewBitReader(data []byte) *BitReader { return &BitReader{data: data} }

// Err is the first error, with its position; it wraps io.ErrUnexpectedEOF where the data is too short.
func (r *BitReader) Err() error { return r.err }

// Offset is the number of bits read so far.
func (r *BitReader) Offset() int { return r.pos }

// Left is the number of bits that are left.
func (r *BitReader) Left() int { return len(r.data)*8 - r.pos }

// Fail records an error at the present position, unless there is one already.
func (r *BitReader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("bit %d: %w", r.pos, fmt.Errorf(format, args...))
	}
}

// U reads n bits, 0 to 32, as an unsigned number: u(n).
func (r *BitReader) U(n int) uint32 {
	if r.err != nil {
		return 0
	}
	if n < 0 || n > 32 {
		r.Fail("read %d bits at once: 0 to 32 can be", n)
		return 0
	}
	if n > r.Left() {
		r.Fail("read %d bits: %w", n, io.ErrUnexpectedEOF)
		return 0
	}
	var v uint64
	for n > 0 {
		inByte := 8 - r.pos&7
		take := min(inByte, n)
		b := uint64(r.data[r.pos>>3]) >> (inByte - take) & (1<<take - 1)
		v = v<<take | b
		r.pos += take
		n -= take
	}
	return uint32(v)
}

// I reads n bits, 0 to 32, as a two's complement number: i(n).
func (r *BitReader) I(n int) int32 {
	v := r.U(n)
	if n <= 0 || n > 32 {
		return 0
	}
	return int32(v<<(32-n)) >> (32 - n)
}

// Flag reads one bit.
func (r *BitReader) Flag() bool { return r.U(1) == 1 }

// UE reads an unsigned Exp-Golomb code: ue(v).
func (r *BitReader) UE() uint32 {
	zeros := 0
	for r.U(1) == 0 {
		if r.err != nil {
			return 0
		}
		if zeros++; zeros > maxExpGolombZeros {
			r.Fail("read Exp-Golomb code: more than %d zeros", maxExpGolombZeros)
			return 0
		}
	}
	v := r.U(zeros)
	if r.err != nil {
		return 0
	}
	return 1<<zeros - 1 + v
}

// SE reads a signed Exp-Golomb code: se(v).
func (r *BitReader) SE() int32 {
	k := r.UE()
	if k&1 == 1 {
		return int32(k/2 + 1)
	}
	return -int32(k / 2)
}
