package generator

import (
	"math/bits"
	"math/rand/v2"
)

// window is one stretch of the schedule: the first frames of its events, ascending. It doesn't change once made.
type window struct {
	number int64
	first  [windowEvents]int64
}

// newWindow places the events of one window. With k events, k gaps come before them; each is one frame plus a share
// of the frames that are left, in proportion to an exponential variate. Shares are rounded as running sums, so they
// add up exactly.
func newWindow(seed uint64, number, every, length int64) *window {
	// PCG's output is fixed by its documentation and by Go's own tests. Its two seeds are hashed because streams of
	// neighbouring seeds would otherwise start out alike.
	a := mix(seed)
	src := rand.NewPCG(a, mix(a^mix(uint64(number))))
	var sums [windowEvents]uint64
	var sum uint64
	for i := range sums {
		sum += exponential(src.Uint64())
		sums[i] = sum
	}
	sum = max(sum, 1)

	w := &window{number: number}
	spare := uint64(windowEvents * (every - length - 1))
	start := number * windowEvents * every
	for i := range w.first {
		// sums[i] < 2^46 and spare < 2^40; the quotient is at most spare.
		hi, lo := bits.Mul64(sums[i], spare)
		share, _ := bits.Div64(hi, lo, sum)
		w.first[i] = start + int64(share) + int64(i+1) + int64(i)*length
	}
	return w
}

// fraction is the number of binary digits that exponential computes after the point: the steps between gaps are
// far below a frame, and sums of a window's variates stay below 2^46.
const fraction = 32

// exponential turns a uniform 64-bit number u into -log2((u|1)/2^64), in fixed point with 32 fractional bits: an
// exponential variate of mean 1/ln(2), which is below 2^38. Its scale cancels out where it is used.
//
// The digits of the logarithm come from squaring: for 1 <= m < 2, the next digit of log2(m) says whether m*m >= 2.
func exponential(u uint64) uint64 {
	u |= 1 // never 0, which has no logarithm
	lead := bits.LeadingZeros64(u)
	m := u << lead // 1 <= m/2^63 < 2
	log := uint64(63 - lead)
	for range fraction {
		hi, lo := bits.Mul64(m, m) // m*m/2^126 is at least 1 and less than 4
		log <<= 1
		if hi>>63 == 1 {
			log |= 1
			m = hi
		} else {
			m = hi<<1 | lo>>63
		}
	}
	return 64<<fraction - log
}

// mix is the output function of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014) after one step: every bit of z changes half of the result's bits.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
