package score

import (
	"fmt"

	"github.com/refstream/refstream/markers"
)

// maxDecimal bounds the text of a number: far above what a double prints as.
const maxDecimal = 64

// decimal reads a decimal number times 10^places (markers.ParseDecimal). Digits beyond that are dropped where places is not
// 0, and are an error where it is. Half of the numbers that there are leaves room for differences.
func decimal(s string, places int) (int64, error) {
	v, exact, err := markers.ParseDecimal(s, places)
	if err != nil || len(s) > maxDecimal || v > 1<<62 || v < -1<<62 {
		return 0, fmt.Errorf("%.40q is not a number in range", s)
	}
	if places == 0 && !exact {
		return 0, fmt.Errorf("%.40q is not a whole number", s)
	}
	return v, nil
}
