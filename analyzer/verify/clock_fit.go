package verify

import (
	"math"
	"slices"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/media"
)

// fit is the simplest description of a clock's errors.
type fit struct {
	state  report.State
	offset int64 // of the first sample, in nanoseconds
	ppm    float64
	steps  []report.Step
}

const (
	// minStep is the smallest jump that is not taken for noise, in nanoseconds, where the tolerance is smaller: less than any
	// length of a frame.
	minStep = 5_000_000
	// million is what parts are counted of.
	million = 1e6
	// enough is how many samples a slope takes.
	enough = 3
	// tooMany is the share of samples that begin a step beyond which they are noise.
	tooMany = 3
)

// describe finds the simplest of: exact, a constant offset, a line, and either with jumps, that leaves no error larger than the
// tolerance, in nanoseconds. list is not empty and in the order of time.
func describe(list []report.Sample, tolerance int64) fit {
	if worst(list, 0, 0) <= tolerance {
		return fit{state: report.Exact}
	}
	if f, ok := straight(list, tolerance); ok {
		return f
	}
	groups, steps := jumps(list, max(minStep, 4*tolerance))
	if len(steps) == 0 || len(steps)*tooMany > len(list) {
		return fit{state: report.Noisy, offset: median(list)}
	}
	if f, ok := staircase(list, steps, tolerance); ok {
		return f
	}
	slope := slopeWithin(groups)
	if span := float64(list[len(list)-1].At - list[0].At); math.Abs(slope)*span <= float64(2*tolerance+roundingNanos) {
		slope = 0
	}
	f := fit{state: report.Stepped, ppm: slope * million, steps: steps}
	level := 0.0
	for i, g := range groups {
		before := level
		if level = levelOf(g, slope); worst(g, level, slope) > 2*tolerance+roundingNanos {
			return fit{state: report.Noisy, offset: median(list)}
		}
		if i == 0 {
			f.offset = int64(math.Round(level + slope*float64(list[0].At)))
		} else {
			f.steps[i-1].By = media.Seconds(math.Round(level - before))
		}
	}
	return f
}

// So many jumps in one direction, with no more than so many samples to each, are the staircase of a clock that runs faster or
// slower: frames are left out or repeated to fill the time.
const (
	manySteps  = 10
	closeSteps = 8
)

// staircase is a line that no sample is further away from than the highest of the steps.
func staircase(list []report.Sample, steps []report.Step, tolerance int64) (fit, bool) {
	if len(steps) < manySteps || len(steps)*closeSteps < len(list) {
		return fit{}, false
	}
	var highest int64
	for _, s := range steps {
		if (s.By < 0) != (steps[0].By < 0) {
			return fit{}, false
		}
		highest = max(highest, int64(max(s.By, -s.By)))
	}
	return line(list, highest+2*tolerance+roundingNanos)
}

// roundingNanos is a tick of 90 kHz: what was stretched was rounded to ticks again.
const roundingNanos = 11112

// straight tries a constant, and then a line.
func straight(list []report.Sample, tolerance int64) (fit, bool) {
	m := median(list)
	if max(m, -m) > tolerance && worst(list, float64(m), 0) <= 2*tolerance {
		return fit{state: report.Offset, offset: m}, true
	}
	if len(list) < enough {
		return fit{}, false
	}
	return line(list, 2*tolerance+roundingNanos)
}

// line is a line through the samples; ok reports that none is further away from it than most.
func line(list []report.Sample, most int64) (f fit, ok bool) {
	slope := slopeWithin([][]report.Sample{list})
	level := levelOf(list, slope)
	first := int64(math.Round(level + slope*float64(list[0].At)))
	return fit{state: report.Drifting, offset: first, ppm: slope * million}, worst(list, level, slope) <= most
}

// worst is the largest distance of a sample's error from the line level + slope*at.
func worst(list []report.Sample, level, slope float64) int64 {
	most := 0.0
	for _, s := range list {
		most = max(most, math.Abs(float64(s.Err)-level-slope*float64(s.At)))
	}
	return int64(math.Ceil(min(most, math.MaxInt64/2)))
}

func median(list []report.Sample) int64 {
	errs := make([]int64, len(list))
	for i, s := range list {
		errs[i] = s.Err
	}
	slices.Sort(errs)
	return errs[len(errs)/2]
}

// jumps divides the samples where the error changes by more than a threshold.
func jumps(list []report.Sample, threshold int64) (groups [][]report.Sample, steps []report.Step) {
	from := 0
	for i := 1; i < len(list); i++ {
		if d := list[i].Err - list[i-1].Err; d > threshold || d < -threshold {
			groups = append(groups, list[from:i])
			steps = append(steps, report.Step{Frame: list[i].Frame, By: media.Seconds(d)})
			from = i
		}
	}
	return append(groups, list[from:]), steps
}

// slopeWithin is the common slope of groups of samples that may each have a level of their own, by least squares.
func slopeWithin(groups [][]report.Sample) float64 {
	var xx, xy float64
	for _, g := range groups {
		// Differences from the group's first sample are exact in a double.
		var sx, sy float64
		for _, s := range g {
			sx += float64(s.At - g[0].At)
			sy += float64(s.Err - g[0].Err)
		}
		mx, my := sx/float64(len(g)), sy/float64(len(g))
		for _, s := range g {
			x, y := float64(s.At-g[0].At)-mx, float64(s.Err-g[0].Err)-my
			xx += x * x
			xy += x * y
		}
	}
	if xx == 0 {
		return 0
	}
	return xy / xx
}

// levelOf is the level of a line of the given slope through the middle of a group: halfway between its extremes.
func levelOf(g []report.Sample, slope float64) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range g {
		v := float64(s.Err) - slope*float64(s.At)
		low, high = min(low, v), max(high, v)
	}
	return (low + high) / 2
}
