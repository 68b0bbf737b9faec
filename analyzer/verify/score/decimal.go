package score

import (
	"fmt"
	"strconv"
	"strings"
)

// maxDecimal bounds the text of a number: far above what a double prints as.
const maxDecimal = 64

// decimal reads a decimal number, with an exponent or without, times 10^places, exactly; digits beyond that are dropped
// where places is not 0, and are an error where it is, unless they are zeros.
func decimal(s string, places int) (int64, error) {
	bad := fmt.Errorf("%.40q is not a number in range", s)
	body := strings.TrimPrefix(s, "-")
	negative := len(body) < len(s)
	if len(body) > maxDecimal {
		return 0, bad
	}
	exponent := 0
	if i := strings.IndexAny(body, "eE"); i >= 0 {
		e, err := strconv.Atoi(body[i+1:])
		if err != nil || e < -maxDecimal || e > maxDecimal {
			return 0, bad
		}
		body, exponent = body[:i], e
	}
	whole, fraction, _ := strings.Cut(body, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, bad
	}
	// The number is digits * 10^shift.
	shift := exponent - len(fraction) + places
	if shift >= 0 {
		digits += strings.Repeat("0", shift)
	} else {
		keep := max(0, len(digits)+shift)
		if places == 0 && strings.Trim(digits[keep:], "0") != "" {
			return 0, fmt.Errorf("%.40q is not a whole number", s)
		}
		digits = digits[:keep]
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return 0, nil
	}
	v, err := strconv.ParseInt(digits, 10, 64)
	// Half the range leaves room for differences.
	if err != nil || v > 1<<62 {
		return 0, bad
	}
	if negative {
		v = -v
	}
	return v, nil
}
