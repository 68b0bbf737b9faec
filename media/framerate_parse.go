package media

import (
	"fmt"
	"strconv"
	"strings"
)

const rateHint = "use 1 to 240 frames per second, as a whole number (25), a decimal (12.5) or a fraction (30000/1001)"

// maxRateDecimals is how many decimals a rate may be given with: more are the rounding of a fraction.
const maxRateDecimals = 3

// ParseFrameRate reads a rate of 1 to 240 frames per second: a whole number "25", a fraction "30000/1001", which need
// not be in lowest terms, a decimal "12.5", which is taken as exact, or one of the names 23.976 (also 23.98), 29.97,
// 47.952, 59.94 and 119.88 for the rates over 1001 that are meant by them. Anything else is an error with a hint: so is
// a decimal that is near another such rate, as 14.985 is near 15000/1001, because either may be meant.
func ParseFrameRate(s string) (FrameRate, error) {
	names := map[string]FrameRate{
		"23.976": {24000, 1001}, "23.98": {24000, 1001}, "29.97": {30000, 1001}, "47.952": {48000, 1001},
		"59.94": {60000, 1001}, "119.88": {120000, 1001},
	}
	if r, ok := names[s]; ok {
		return r, nil
	}
	r, ok := parseFraction(s)
	if ok && strings.Contains(s, ".") {
		if near, is := near1001(r); is {
			return FrameRate{}, fmt.Errorf("frame rate %q may mean %s or %s: give the fraction that is meant", s, near, r)
		}
	}
	if !ok || r.Validate() != nil {
		return FrameRate{}, fmt.Errorf("frame rate %q is not supported: %s", s, rateHint)
	}
	return r, nil
}

// parseFraction reads "25", "12.5" or "25/2", in lowest terms.
func parseFraction(s string) (FrameRate, bool) {
	num, den, fraction := strings.Cut(s, "/")
	whole, decimals, point := strings.Cut(num, ".")
	if fraction && point || point && (decimals == "" || len(decimals) > maxRateDecimals) || whole == "" {
		return FrameRate{}, false
	}
	if !fraction {
		den = "1" + strings.Repeat("0", len(decimals))
	}
	// 31 bits: sums and products of two fit.
	a, errA := strconv.ParseUint(whole+decimals, 10, 31)
	b, errB := strconv.ParseUint(den, 10, 31)
	if errA != nil || errB != nil || a == 0 || b == 0 {
		return FrameRate{}, false
	}
	g := gcd(int64(a), int64(b))
	return FrameRate{int64(a) / g, int64(b) / g}, true
}

// near1001 reports whether a rate that is no whole number is within a hundredth of one over 1001, and of which.
func near1001(r FrameRate) (FrameRate, bool) {
	// |num/den - base*1000/1001| <= 1/100, times 1001*den, rounded down to a whole number.
	off := r.Num*1001 - r.Base()*1000*r.Den
	if r.Den == 1 || max(off, -off) > 10*r.Den {
		return FrameRate{}, false
	}
	near := FrameRate{r.Base() * 1000, 1001}
	g := gcd(near.Num, near.Den)
	return FrameRate{near.Num / g, near.Den / g}, true
}
