package markers

import (
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

// ParseSeconds reads decimal seconds without going through a float: an optional minus, digits, and at most nine
// decimals that count (further ones are dropped). Exponents are refused.
func ParseSeconds(s string) (Seconds, error) {
	body, neg := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(body, ".")
	if whole == "" && frac == "" || strings.Trim(whole+frac, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a number of seconds such as 12.5", s)
	}
	if len(frac) > 9 {
		frac = frac[:9]
	}
	frac += strings.Repeat("0", 9-len(frac))
	digits := whole + frac
	if neg {
		digits = "-" + digits
	}
	v, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q seconds are out of range", s)
	}
	return Seconds(v), nil
}

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
