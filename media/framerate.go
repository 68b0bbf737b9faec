package media

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// TicksPerSecond is the rate of the MPEG system clock that PTS and DTS count in (ISO/IEC 13818-1, 2.4.3.6).
const TicksPerSecond = 90000

// PTSMask keeps the 33 bits that a PTS or DTS has on the wire (ISO/IEC 13818-1, 2.4.3.7).
const PTSMask = 1<<33 - 1

// Unwrap is the time nearest to ref, in ticks, that has the low 33 bits of wire: ref-2^32 to ref+2^32-1.
func Unwrap(wire, ref int64) int64 {
	const half = (PTSMask + 1) / 2
	return ref + (wire-ref+half)&PTSMask - half
}

// SampleRate is the number of samples of sound in a second.
const SampleRate = 48000

// UnitSamples is how many samples of sound are coded as one unit.
const UnitSamples = 1024

const nanosPerSecond = 1_000_000_000

// Limits of a frame rate.
const (
	// MaxRate is the most frames per second: as many as screens and high-speed television show, and their timecode, which
	// counts 0 to 239, fits the 8 bits of n_frames (H.264, D.1.3).
	MaxRate = 240
	// maxRatePart is the largest numerator, that of 240000/1001. Numerators are no smaller than denominators, so
	// time_scale and num_units_in_tick, twice and once these, fit 32 bits (H.264, E.1.1), ffmpeg, which takes ratios of
	// up to 1001000, rounds none, and a frame number of 44 bits times either fits 63.
	maxRatePart = 240_000
)

// FrameRate is a number of frames per second as an exact rational, in lowest terms, both parts positive, 1 to 240:
// see Validate. The zero value is not a rate.
type FrameRate struct {
	Num, Den int64
}

// FrameRates lists the rates of film and television, slowest first. Others are supported too.
func FrameRates() []FrameRate {
	return []FrameRate{
		{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {50, 1}, {60000, 1001}, {60, 1},
	}
}

// Validate reports why r is not a rate that is supported: 1 to 240 frames per second, in lowest terms, with a numerator
// of at most 240000.
func (r FrameRate) Validate() error {
	switch {
	case r.Num < 1 || r.Den < 1 || r.Num < r.Den || r.Num/MaxRate > r.Den || r.Num/MaxRate == r.Den && r.Num%MaxRate > 0:
		return fmt.Errorf("frame rate %d/%d is not supported: use 1 to %d frames per second, such as 25, 25/2 or 30000/1001",
			r.Num, r.Den, MaxRate)
	case r.Num > maxRatePart:
		return fmt.Errorf("frame rate %d/%d is not supported: use a numerator of at most %d", r.Num, r.Den, maxRatePart)
	case gcd(r.Num, r.Den) != 1:
		return fmt.Errorf("frame rate %d/%d is not in lowest terms", r.Num, r.Den)
	}
	return nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// String gives the rate as ParseFrameRate reads it: "25" or "30000/1001".
func (r FrameRate) String() string {
	if r.Den == 1 {
		return strconv.FormatInt(r.Num, 10)
	}
	return fmt.Sprintf("%d/%d", r.Num, r.Den)
}

// MarshalText writes the rate as String does.
func (r FrameRate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the rate as ParseFrameRate does.
func (r *FrameRate) UnmarshalText(b []byte) error {
	v, err := ParseFrameRate(string(b))
	if err == nil {
		*r = v
	}
	return err
}

// Ticks is the start of frame n in 90 kHz ticks, floor(n*90000/fps); n may be negative.
// It is computed from n alone, so no error adds up.
func (r FrameRate) Ticks(n int64) int64 { return MulDivFloor(n, TicksPerSecond*r.Den, r.Num) }

// Nanos is the start of frame n in nanoseconds, floor(n*1e9/fps); n may be negative.
func (r FrameRate) Nanos(n int64) int64 { return MulDivFloor(n, nanosPerSecond*r.Den, r.Num) }

// Sample is the first sample of sound of frame n, floor(n*48000/fps); n may be negative.
func (r FrameRate) Sample(n int64) int64 { return MulDivFloor(n, SampleRate*r.Den, r.Num) }

// FrameAtSample is the frame that a sample of sound is in, so FrameAtSample(Sample(n)) == n.
func (r FrameRate) FrameAtSample(sample int64) int64 {
	return -MulDivFloor(-(sample+1), r.Num, SampleRate*r.Den) - 1
}

// FrameAtNanos is the last frame that starts at or before the time ns, so FrameAtNanos(Nanos(n)) == n.
func (r FrameRate) FrameAtNanos(ns int64) int64 {
	// Nanos rounds down by less than a nanosecond: the frame sought is the largest n with n*1e9*Den < (ns+1)*Num.
	return -MulDivFloor(-(ns+1), r.Num, nanosPerSecond*r.Den) - 1
}

// Frames is the whole number of frames nearest to a length of time in nanoseconds.
func (r FrameRate) Frames(ns int64) int64 {
	n := r.FrameAtNanos(ns)
	if r.Nanos(n+1)-ns <= ns-r.Nanos(n) {
		return n + 1
	}
	return n
}

// FrameAtTicks is the frame nearest to a position in 90 kHz ticks, and how far from that frame's start the
// position is, in ticks: 0 for every position that Ticks returned.
func (r FrameRate) FrameAtTicks(ticks int64) (n, off int64) {
	n = -MulDivFloor(-(ticks+1), r.Num, TicksPerSecond*r.Den) - 1
	off = ticks - r.Ticks(n)
	if next := ticks - r.Ticks(n+1); -next < off {
		return n + 1, next
	}
	return n, off
}

// Base is the whole number of frames that a timecode counts in a second, the next one up where the rate is none: 30 for
// 30000/1001 (SMPTE ST 12-1), 13 for 25/2. It is 1 to 240.
func (r FrameRate) Base() int64 { return (r.Num + r.Den - 1) / r.Den }

// WideTimecode reports whether a timecode's frames need three digits: where its Base is more than 100.
func (r FrameRate) WideTimecode() bool { return r.Num > 100*r.Den }

// DropFrame reports whether drop-frame timecode is defined for the rate: 30000/1001 and 60000/1001.
func (r FrameRate) DropFrame() bool { return r.Den == 1001 && (r.Num == 30000 || r.Num == 60000) }

// MulDivFloor is floor(a*b/c) without overflow in the product; b and c are positive. A result that does not fit is the
// int64 nearest to it, so that a frame number out of a request's query is harmless however large it is.
func MulDivFloor(a, b, c int64) int64 {
	neg := a < 0
	ua := uint64(a)
	if neg {
		ua = -ua
	}
	hi, lo := bits.Mul64(ua, uint64(b))
	q, rem := uint64(math.MaxUint64), uint64(0)
	if hi < uint64(c) {
		q, rem = bits.Div64(hi, lo, uint64(c))
	}
	if q > math.MaxInt64 {
		if neg {
			return math.MinInt64
		}
		return math.MaxInt64
	}
	if !neg {
		return int64(q)
	}
	if rem != 0 {
		q++
	}
	return -int64(q)
}
