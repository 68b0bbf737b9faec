package verify

import (
	"slices"
	"sort"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/pixels"
)

// pictureRun is a run of pictures after each other that are the same to the eye: all show one frame, or all are black, or none
// of them can be read.
type pictureRun struct {
	frame int64 // -1 where there is no code
	black bool
	first int // the first picture's index
	count int64
	// known is the frame that the frame record of the first picture names, of pictures that can't be read; 0 where that is
	// not known. The others follow it.
	known int64
	// mixed: they are blended of frames of which none counts most.
	mixed bool
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

// recognize gives pictures that can't be read the frames that the frame records at their time stamps name, where that fits
// between the frames that can be read.
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

// maxPassed is how many pictures one picture out of order is taken to have changed places with at most: a stream that
// begins again has no such pictures.
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
