package dvr

import "slices"

const (
	// scoreWindow is how far back pictures are compared: 1 s.
	scoreWindow = ticksPerSecond
	// maxScoreStep is how long a picture counts at most in the window: 0.2 s, so that also at very low frame rates, and
	// after a pause, there is something to compare with.
	maxScoreStep = ticksPerSecond / 5
	// maxScored bounds the memory of the window, for pictures without time between them.
	maxScored = 512
	// usualRank: the usual distance is the third largest of the window. Two larger ones, such as a start and an end
	// shortly one after the other, are not usual yet.
	usualRank = 3
	// unknownDistance is taken for the distances of pictures that there were not, so that a stream's first pictures, in
	// which an encoder is still finding its quality, count only where all changes.
	unknownDistance = 0.05
)

// measures is how many measures of change there are.
const measures = 3

// distances is how far a picture is from the one before it, by each measure, 0 to 1.
type distances [measures]float64

// scorer says how much each picture is the start of something new.
//
// The distance d of a picture from the one before it is taken by three measures: the share of the picture that has new
// colours (Cb and Cr), the share that has new brightness (luma), and the share of places that show something new. The
// usual distance u is the third largest of the last second. The score is the largest, of the three measures, of
//
//	(d - u) / (d + u + c)
//
// and 0 where that is negative. So movement, noise, fades and counters, which change every picture, cancel out, and what
// counts is a change that is large against what is usual. c is the change at which a picture that is otherwise still
// gets 0.5: 0.8 % for colours, which don't change by chance, and 20 % for the others.
//
// A hard cut gets 0.5 to 1. A block of 0.7 % of the picture that turns cyan gets 0.46; the other pictures of this
// project's stream get less than 0.1, and less than 0.25 in the first second at a bit rate far too low.
// A change that leaves less than 0.4 % of the colours new is not seen among colours; nor is the fourth
// of changes of one size within a second. An encoder that is starved, and gets from a blur to the full picture within
// one frame, makes a change like any other.
type scorer struct {
	last   *look
	pts    int64 // of the picture before; set with last
	clock  int64 // ticks since the first picture, where none counts more than maxScoreStep
	window []scored
}

// scored is a picture of the window.
type scored struct {
	clock int64
	distances
}

// score is that of the next picture, 0 to 1; 0 for the first. Nothing of p is kept.
func (s *scorer) score(p *picture) float64 {
	now, before := lookAt(p), s.last
	step := p.pts - s.pts
	if step <= 0 || step > maxScoreStep {
		step = maxScoreStep
	}
	s.last, s.pts = now, p.pts
	if before == nil {
		return 0
	}
	s.clock += step
	d := distances{colourDistance(now, before), greyDistance(now, before), placeDistance(now, before)}
	n := 0
	for n < len(s.window) && (s.window[n].clock <= s.clock-scoreWindow || len(s.window)-n >= maxScored) {
		n++
	}
	s.window = slices.Delete(s.window, 0, n)
	best := 0.0
	for m, c := range [measures]float64{0.008, 0.2, 0.2} {
		u := s.usual(m)
		best = max(best, (d[m]-u)/(d[m]+u+c))
	}
	s.window = append(s.window, scored{s.clock, d})
	return best
}

// usual is the third largest distance of the window by a measure.
func (s *scorer) usual(measure int) float64 {
	if len(s.window) < usualRank {
		return unknownDistance
	}
	var top [usualRank]float64 // from the largest
	for _, w := range s.window {
		d := w.distances[measure]
		for i := range top {
			if d > top[i] {
				d, top[i] = top[i], d
			}
		}
	}
	return top[usualRank-1]
}
