package mp4

import (
	"math"
	"math/bits"

	"github.com/refstream/refstream/media"
)

// ticks is a time in units of 1/scale s in 90 kHz ticks, rounded down. A result that does not fit is the int64 nearest to
// it.
func ticks(t int64, scale uint32) int64 { return rescale(t, media.TicksPerSecond, scale, 0) }

// rescale is floor((t*to + round) / from); from is not 0.
func rescale(t int64, to, from, round uint32) int64 {
	negative := t < 0
	u := uint64(t)
	if negative {
		u = -u
	}
	hi, lo := bits.Mul64(u, uint64(to))
	var carry uint64
	if negative {
		lo, carry = bits.Sub64(lo, uint64(round), 0)
		if carry > hi { // t is so near to 0 that the sum is positive: less than half a unit
			return 0
		}
		hi -= carry
		lo, carry = bits.Add64(lo, uint64(from)-1, 0) // away from 0
	} else {
		lo, carry = bits.Add64(lo, uint64(round), 0)
	}
	hi += carry
	q := uint64(math.MaxUint64)
	if hi < uint64(from) {
		q, _ = bits.Div64(hi, lo, uint64(from))
	}
	switch {
	case negative && q > math.MaxInt64:
		return math.MinInt64
	case negative:
		return -int64(q)
	}
	return int64(min(q, math.MaxInt64))
}
