package media

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// TicksPerSecond is the rate of the MPEG system clock that PTS and DTS count in (ISO/IEC 13818-1, 2.4.3.6).
const TicksPerSecond = 90000

// PTSMask keeps the 33 bits that a PTS or DTS has on the wire (ISO/IEC 13818-1, 2.4.3.7).
const PTSMask = 1<<33 - 1

const nanosPerSecond = 1_000_000_000

// FrameRate is a number of frames per second as an exact rational, in lowest terms, both parts positive.
// The supported rates are listed by [FrameRates]; the zero value is not a rate.
type FrameRate struct {
	Num, Den int64
}

// FrameRates lists every supported rate, slowest first.
func FrameRates() []FrameRate {
	return []FrameRate{
		{24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {50, 1}, {60000, 1001}, {60, 1},
	}
}

// ParseFrameRate reads a supported rate: "25", "30000/1001", or the names 23.976, 29.97 and 59.94 for the
// rates that are usually meant by them. Anything else is an error that lists what is supported.
func ParseFrameRate(s string) (FrameRate, error) {
	names := map[string]FrameRate{
		"23.976": {24000, 1001}, "23.98": {24000, 1001}, "29.97": {30000, 1001}, "59.94": {60000, 1001},
	}
	if r, ok := names[s]; ok {
		return r, nil
	}
	for _, r := range FrameRates() {
		if s == r.String() || s == fmt.Sprintf("%d/%d", r.Num, r.Den) {
			return r, nil
		}
	}
	var known []string
	for _, r := range FrameRates() {
		known = append(known, r.String())
	}
	return FrameRate{}, fmt.Errorf("frame rate %q is not supported: use one of %s (or 23.976, 29.97, 59.94)",
		s, strings.Join(known, ", "))
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
func (r FrameRate) Ticks(n int64) int64 { return mulDivFloor(n, TicksPerSecond*r.Den, r.Num) }

// Nanos is the start of frame n in nanoseconds, floor(n*1e9/fps); n may be negative.
func (r FrameRate) Nanos(n int64) int64 { return mulDivFloor(n, nanosPerSecond*r.Den, r.Num) }

// FrameAtNanos is the last frame that starts at or before the time ns, so FrameAtNanos(Nanos(n)) == n.
func (r FrameRate) FrameAtNanos(ns int64) int64 {
	// Nanos rounds down by less than a nanosecond: the frame sought is the largest n with n*1e9*Den < (ns+1)*Num.
	return -mulDivFloor(-(ns+1), r.Num, nanosPerSecond*r.Den) - 1
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
	n = -mulDivFloor(-(ticks+1), r.Num, TicksPerSecond*r.Den) - 1
	off = ticks - r.Ticks(n)
	if next := ticks - r.Ticks(n+1); -next < off {
		return n + 1, next
	}
	return n, off
}

// Base is the whole number of frames that a timecode counts in a second: 30 for 30000/1001 (SMPTE ST 12-1).
func (r FrameRate) Base() int64 { return (r.Num + r.Den - 1) / r.Den }

// DropFrame reports whether drop-frame timecode is defined for the rate: 30000/1001 and 60000/1001.
func (r FrameRate) DropFrame() bool { return r.Den == 1001 && r.Num%30000 == 0 }

// mulDivFloor is floor(a*b/c) without overflow in the product; b and c are positive. A result that does not fit is the
// int64 nearest to it, so that a frame number out of a request's query is harmless however large it is.
func mulDivFloor(a, b, c int64) int64 {
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
