package gaps

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// steps numbers an axis at round values, of which there are at most about so many.
type steps int

// Ticks gives them: multiples of 1, 2 or 5 times a power of ten.
func (n steps) Ticks(low, high float64) []plot.Tick {
	span := high - low
	if !(span > 0) || math.IsInf(span, 0) { // nor where it is no number
		return nil
	}
	power := math.Floor(math.Log10(span / float64(n)))
	unit := math.Pow(10, power)
	step := 10 * unit
	for _, factor := range []float64{1, 2, 5} {
		if span <= factor*unit*float64(n) {
			step = factor * unit
			break
		}
	}
	digits := max(0, int(-math.Floor(math.Log10(step)+1e-9))) // 0.1 must not be a little less
	var list []plot.Tick
	const slack = 1e-9 // of a step: the last one must not be left out because it is a bit above
	for i := int64(math.Ceil(low/step - slack)); float64(i) <= high/step+slack && len(list) <= int(n)+1; i++ {
		at := float64(i) * step
		list = append(list, plot.Tick{Value: at, Label: strconv.FormatFloat(at, 'f', digits, 64)})
	}
	return list
}
