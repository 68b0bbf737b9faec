package verify

import (
	"math"
	"slices"
	"sort"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/media"
)

// pictureRun is a run of pictures that look the same: all show one frame, or all are black, or none of them can be read.
type pictureRun struct {
	frame int64 // -1 where there is no code
	black bool
	first int // the first picture's index
	count int64
	known int64 // the frame of the first picture's frame record, of pictures that can't be read, 0 for none; the others follow it
	mixed bool  // they are blended of frames of which none counts most
}

// continuedBy says whether a picture of the frame that is known follows the run.
func (s *pictureRun) continuedBy(known int64) bool {
	return s.known == 0 && known == 0 || s.known > 0 && known == s.known+s.count
}

// namedBy are the frames that frame records name, by their time stamps.
func namedBy(statements []analyzer.Record, modulus int64) map[int64]int64 {
	named := map[int64]int64{}
	for i := range statements {
		if r := &statements[i]; r.Source == analyzer.FrameRecord && r.PTS != nil && r.Frame != nil {
			named[reduce(*r.PTS, modulus)] = *r.Frame
		}
	}
	return named
}

// recognize gives pictures that can't be read the frames of the frame records at their time stamps, where these fit between the
// frames that can be read.
func recognize(list []pixels.Picture, named map[int64]int64, modulus int64) []pixels.Picture {
	if !slices.ContainsFunc(list, func(p pixels.Picture) bool { return p.Frame < 0 && p.Timed && !p.Black }) {
		return list
	}
	out := slices.Clone(list)
	before := int64(0) // the last frame that is known or can be read
	next := 0          // the first picture from here on that can be read
	for i := range out {
		p := &out[i]
		if p.Frame >= 0 {
			before = p.Frame
			continue
		}
		for next = max(next, i); next < len(out) && out[next].Frame < 0; {
			next++
		}
		n, ok := named[reduce(p.PTS, modulus)]
		if ok && p.Timed && !p.Black && n > before && (next == len(out) || n < out[next].Frame) {
			p.Known, before = n, n
		}
	}
	return out
}

// pictureRuns divides the pictures into runs, without those that are out of order, which it returns by their indices.
func pictureRuns(list []pixels.Picture) (runs []pictureRun, disordered []int) {
	inOrder := ordered(list)
	for i, p := range list {
		if p.Frame >= 0 && !inOrder[i] {
			disordered = append(disordered, i)
			continue
		}
		if k := len(runs) - 1; k >= 0 && runs[k].frame == p.Frame && runs[k].black == p.Black && runs[k].continuedBy(p.Known) &&
			runs[k].mixed == mixed(&p) {
			runs[k].count++
			continue
		}
		runs = append(runs, pictureRun{p.Frame, p.Black, i, 1, p.Known, mixed(&p)})
	}
	return runs, disordered
}

// ordered marks the pictures of a longest subsequence whose frame numbers never fall: the fewest possible are left out.
func ordered(list []pixels.Picture) []bool {
	// tails[k] is the picture with the smallest frame number that ends a sequence of k+1; before is each one's forerunner.
	var tails []int
	before := make([]int, len(list))
	for i, p := range list {
		if p.Frame < 0 {
			continue
		}
		k := sort.Search(len(tails), func(k int) bool { return list[tails[k]].Frame > p.Frame })
		before[i] = -1
		if k > 0 {
			before[i] = tails[k-1]
		}
		if k == len(tails) {
			tails = append(tails, i)
		} else {
			tails[k] = i
		}
	}
	in := make([]bool, len(list))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = before[i] {
			in[i] = true
		}
	}
	return in
}

// maxPassed is how many pictures one picture out of order may have changed places with: more is a stream that begins again.
const maxPassed = 8

// timekeepers are the anchors without those that a picture out of order has passed: of two pictures that changed places
// one is in order, and its time is as wrong as the other's.
func timekeepers(list []pixels.Picture, anchors, disordered []int) []int {
	passed := map[int]bool{}
	for _, d := range disordered {
		k, _ := slices.BinarySearch(anchors, d)
		var over []int
		for i := k - 1; i >= 0 && list[anchors[i]].Frame > list[d].Frame; i-- {
			over = append(over, anchors[i])
		}
		for i := k; i < len(anchors) && list[anchors[i]].Frame < list[d].Frame; i++ {
			over = append(over, anchors[i])
		}
		if len(over) > maxPassed {
			continue
		}
		for _, i := range over {
			passed[i] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(anchors), func(i int) bool { return passed[i] })
}

// cadence is how often pictures come, compared with the frames of the stream.
type cadence struct {
	retimed bool    // the stream was brought to another frame rate
	ratio   float64 // frames of the source to a picture: 1.2 where 30 frames/s became 25
	// A frame may be shown in up to stay pictures, and the next one may be up to step frames later, without a fault.
	stay, step int64
}

const (
	// usual is how much a distance of time stamps may differ from the median, in parts of it: more is a gap.
	usual = 0.5
	// sameRate is how far the ratio is from 1 at least for a rate to be another: NTSC's rates are 0.001 away.
	sameRate = 2e-4
	// rounding keeps quotients that are whole numbers but for the error of their calculation from being rounded up.
	rounding = 1e-4
)

// cadenceOf compares the distances of the time stamps with the steps of the frame numbers. At 25 pictures/s of 30 frames/s the
// numbers rise by 1.2 on average; where time runs faster or slower but every frame is there, they rise by 1.
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
