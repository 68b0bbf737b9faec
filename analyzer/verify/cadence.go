package verify

import (
	"math"
	"slices"

	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/media"
)

// cadence is how often pictures come, compared with the frames of the stream.
type cadence struct {
	// retimed says that the stream was brought to another frame rate.
	retimed bool
	// ratio is how many frames of the source a picture stands for: 1.2 where 30 frames/s became 25.
	ratio float64
	// stay is how many pictures a frame may be shown in, and step how many frames the next one may be further on, without
	// anything being wrong.
	stay, step int64
}

const (
	// usual is how much a distance of time stamps may differ from the median and be one of two pictures that follow each
	// other: what is more is a gap.
	usual = 0.5
	// sameRate is how far the ratio is from 1 at least for a rate to be another: NTSC's rates are 0.001 away.
	sameRate = 2e-4
	// rounding keeps quotients that are whole numbers but for the error of their calculation from being rounded up.
	rounding = 1e-4
)

// cadenceOf compares the distances of the time stamps with the steps of the frame numbers. At another frame rate the two
// fit each other: at 25 pictures/s of 30 frames/s the numbers rise by 1.2 on average. Where time runs faster or slower
// but every frame is there, they rise by 1.
func cadenceOf(list []pixels.Picture, runs []pictureRun, rate media.FrameRate) cadence {
	same := cadence{ratio: 1, stay: 1, step: 1}
	distance, ok := pictureDistance(list)
	if !ok {
		return same
	}
	r := distance * float64(rate.Num) / float64(rate.Den) / media.TicksPerSecond
	if math.Abs(r-1) < sameRate {
		return same
	}
	c := cadence{
		retimed: true, ratio: r,
		stay: int64(math.Ceil(1/r - rounding)), step: int64(math.Ceil(r - rounding)),
	}
	// The mean step from picture to picture, of those steps that the conversion can explain.
	var frames, pictures float64
	for i := 0; i < len(runs); i++ {
		a, mixed := runs[i], int64(0)
		for i+1 < len(runs) && runs[i+1].mixed { // what is blended is in the place of a frame
			i++
			mixed += runs[i].count
		}
		if a.frame < 0 || i+1 == len(runs) {
			continue
		}
		b := runs[i+1]
		if b.frame < 0 || a.count > c.stay || b.frame-a.frame > c.step*(1+mixed) {
			continue
		}
		frames += float64(b.frame - a.frame)
		pictures += float64(a.count + mixed)
	}
	if mean := frames / pictures; pictures == 0 || math.Abs(mean-r) >= math.Abs(r-1)/2 {
		return same
	}
	return c
}

// pictureDistance is the mean distance of two pictures that follow each other, in ticks.
func pictureDistance(list []pixels.Picture) (float64, bool) {
	var all []int64
	for i := 1; i < len(list); i++ {
		if d := list[i].PTS - list[i-1].PTS; list[i].Timed && list[i-1].Timed && d > 0 {
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	median := float64(all[len(all)/2])
	sum, n := 0.0, 0
	for _, d := range all {
		if math.Abs(float64(d)-median) <= usual*median {
			sum += float64(d)
			n++
		}
	}
	return sum / float64(n), true
}
