package h264

import (
	"fmt"
	"math"
	"math/bits"
)

// BitWriter writes syntax elements (H.264, 7.2 and 9.1), most significant bit first. The first error stays, and
// nothing is written after it. The zero value is an empty writer.
type BitWriter struct {
	dst  []byte
	free int // bits of the last byte that are not written yet, 0 to 7
	err  error
}

// NewBitWriter appends to dst, whose last byte is taken to be complete.
func NewBitWriter(dst []byte) *BitWriter { return &BitWriter{dst: dst} }

// Err is the first error.
func (w *BitWriter) Err() error { return w.err }

// Fail records an error, unless there is one already.
func (w *BitWriter) Fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// Bytes is what the writer was given and has appended to it; bits not written yet in the last byte are zero.
func (w *BitWriter) Bytes() []byte { return w.dst }

// U writes v in n bits, 0 to 32: u(n). It is an error if v needs more.
func (w *BitWriter) U(n int, v uint32) {
	if w.err != nil {
		return
	}
	if n < 0 || n > 32 || bits.Len32(v) > n {
		w.Fail("write %d in %d bits: out of range", v, n)
		return
	}
	for n > 0 {
		if w.free == 0 {
			w.dst = append(w.dst, 0)
			w.free = 8
		}
		take := min(w.free, n)
		chunk := uint64(v) >> (n - take) & (1<<take - 1)
		w.dst[len(w.dst)-1] |= byte(chunk << (w.free - take))
		w.free -= take
		n -= take
	}
}

// I writes v in n bits, 0 to 32, as a two's complement number: i(n). It is an error if v needs more.
func (w *BitWriter) I(n int, v int32) {
	switch {
	case n < 0 || n > 32 || n == 0 && v != 0 || n > 0 && v>>(n-1) != v>>31:
		w.Fail("write %d in %d bits: out of range", v, n)
	case n > 0:
		w.U(n, uint32(v)<<(32-n)>>(32-n))
	}
}

// Flag writes one bit.
func (w *BitWriter) Flag(v bool) {
	if v {
		w.U(1, 1)
	} else {
		w.U(1, 0)
	}
}

// UE writes an unsigned Exp-Golomb code, ue(v); v is at most 2^32 - 2.
func (w *BitWriter) UE(v uint32) {
	n := bits.Len32(v + 1)
	if n == 0 {
		w.Fail("write Exp-Golomb code of %d: out of range", v)
		return
	}
	w.U(n-1, 0)
	w.U(n, v+1)
}

// SE writes a signed Exp-Golomb code, se(v); v is more than -2^31.
func (w *BitWriter) SE(v int32) {
	switch {
	case v > 0:
		w.UE(2*uint32(v) - 1)
	case v == math.MinInt32:
		w.UE(math.MaxUint32) // records the error
	default:
		w.UE(2 * uint32(-v))
	}
}

// AlignPayload ends an SEI payload (H.264, D.1): where the last byte isn't full, a one bit and then zeros.
func (w *BitWriter) AlignPayload() {
	if w.free > 0 {
		w.U(1, 1)
		w.U(w.free, 0)
	}
}
