package media

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Seconds is a time in whole nanoseconds that reads and writes itself as decimal seconds, exactly: 1500000000 is 1.5.
type Seconds int64

// String writes decimal seconds with as many decimals as are needed, nine at the most.
func (s Seconds) String() string {
	sign, v := "", uint64(s)
	if s < 0 {
		sign, v = "-", -v
	}
	whole := sign + strconv.FormatUint(v/1e9, 10)
	if v%1e9 == 0 {
		return whole
	}
	return whole + "." + strings.TrimRight(fmt.Sprintf("%09d", v%1e9), "0")
}

// SecondsOf is a position in 90 kHz ticks, rounded down to a nanosecond.
func SecondsOf(ticks int64) Seconds {
	return Seconds(FrameRate{Num: TicksPerSecond, Den: 1}.Nanos(ticks))
}

// NearestSeconds is a length in 90 kHz ticks, rounded to the nearest nanosecond. Lengths of more than 198 years are cut to that.
func NearestSeconds(ticks int64) Seconds {
	const limit = 1 << 49
	ticks = min(max(ticks, -limit), limit)
	half := int64(4) // of the 9 in 100000/9 ns
	if ticks < 0 {
		half = -half
	}
	return Seconds(ticks/9*100000 + (ticks%9*100000+half)/9)
}

// ParseSeconds reads seconds as ParseDecimal does; decimals beyond the ninth are dropped.
func ParseSeconds(s string) (Seconds, error) {
	v, _, err := ParseDecimal(s, 9)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%.40q seconds are out of range", s)
	}
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a number of seconds such as 12.5", s)
	}
	return Seconds(v), nil
}

// ParseDecimal reads a decimal number times 10^places, without going through a float: an optional minus, digits, of which
// some may follow a point, and an optional exponent, so every JSON number (RFC 8259, 6). exact is false where digits that
// are no zeros were dropped from the end. The errors are strconv.ErrSyntax and strconv.ErrRange.
func ParseDecimal(s string, places int) (v int64, exact bool, err error) {
	body, negative := strings.CutPrefix(s, "-")
	mantissa, exponent := body, 0
	if i := strings.IndexAny(body, "eE"); i >= 0 {
		mantissa = body[:i]
		if exponent, err = strconv.Atoi(body[i+1:]); errors.Is(err, strconv.ErrSyntax) {
			return 0, false, strconv.ErrSyntax
		}
		exponent = max(-farExponent, min(exponent, farExponent))
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false, strconv.ErrSyntax
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return 0, true, nil
	}
	exact = true
	// The number is digits * 10^shift.
	switch shift := exponent - len(fraction) + places; {
	case shift > maxDigits:
		return 0, false, strconv.ErrRange
	case shift >= 0:
		digits += strings.Repeat("0", shift)
	default:
		keep := max(0, len(digits)+shift)
		exact = strings.Trim(digits[keep:], "0") == ""
		digits = "0" + digits[:keep]
	}
	if negative {
		digits = "-" + digits
	}
	if v, err = strconv.ParseInt(digits, 10, 64); err != nil {
		return 0, false, strconv.ErrRange
	}
	return v, exact, nil
}

const (
	// maxDigits is how many digits the largest number has.
	maxDigits = 19
	// farExponent is what larger exponents are cut down to: no text is so long that its digits make up for it.
	farExponent = 1 << 30
)

// MarshalJSON writes a JSON number.
func (s Seconds) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a JSON number. null leaves the value as it is, as everywhere in encoding/json.
func (s *Seconds) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	v, err := ParseSeconds(string(b))
	if err == nil {
		*s = v
	}
	return err
}
