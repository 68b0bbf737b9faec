package scenes

import (
	"math"
	"slices"

	"github.com/refstream/refstream/media"
)

const (
	// scoreWindow is how far back pictures are compared: 1 s.
	scoreWindow = media.TicksPerSecond
	// scoreMemory is how far back a score depends on what was before: the cuts of the window, and what was usual then, and the
	// pictures that a gradual change began with.
	scoreMemory = gradualWindow + scoreWindow
	// maxScoreStep is how long a picture counts at most in the window: 0.2 s, so that also at very low frame rates, and
	// after a pause, there is something to compare with.
	maxScoreStep = media.TicksPerSecond / 5
	// maxScored bounds the memory of the window, for pictures without time between them.
	maxScored = 512
	// usualRank: the usual distance is the third largest of the window. Two larger ones, such as a start and an end
	// shortly one after the other, are not usual yet.
	usualRank = 3
	// unknownDistance is taken for the distances of pictures that there were not, so that a stream's first pictures, in
	// which an encoder is still finding its quality, count only where all changes.
	unknownDistance = 0.05
	// Where fewer than 0.4 of the pictures have new colours, those are no movement and no noise, which have no quiet pictures:
	// each of them may count. Pictures are quiet up to quietDistance: what coding does to colours that stay.
	loudShare     = 0.4
	quietDistance = 0.0002
	// cutDistance is from where the whole picture may have changed, if that is twice what is usual. The next settling
	// pictures may still belong to it (half a picture of the old, an encoder that has not found its quality), so that what
	// is less than a quarter of it doesn't count.
	cutDistance = 0.15
	settling    = 3
)

// The measures of change.
const (
	newColours = iota // the share of the picture that has new colours, wherever
	newTints          // the share of places that have another colour
	newGreys          // the share of the picture that has new brightness
	newPlaces         // the share of places that show something new, by their brightness
	measures
)

// distances is how far a picture is from the one before it, by each measure, 0 to 1.
type distances [measures]float64

// scorer says how much each picture is the start of something new.
//
// The distance d of a picture from the one before it is taken by four measures. The usual distance u is the third largest
// of the last second. A measure has
//
//	(d - u) / (d + u + c)
//
// and the score is the largest of three: that of brightness, that of places, and the smaller of the two for colours; 0
// where all are negative. So movement, noise, fades and counters, which change every picture, cancel out, and what counts
// is a change that is large against what is usual. What moves into the picture brings new colours now and then, but
// changes those of places all the time, so that both must be unusual. c is the change at which a picture that is otherwise
// still gets 0.5: 1.1 % and 0.5 % for colours, which don't change by chance, and 20 % for the others.
//
// For colours, where most pictures of the second have no new ones at all, u is the distance that 0.4 of the pictures
// exceed: changes that are clear-cut are found at any rate, up to two pictures in five.
//
// A hard cut gets 0.5 to 1. A block of 0.7 % of the picture that turns cyan gets 0.39; the other pictures of this
// project's stream get less than 0.1, and less than 0.25 in the first second at a bit rate far too low. Pans, test patterns
// and the like get less than 0.29.
// A change that leaves less than 0.5 % of the colours new is not seen among colours, nor one of brightness that is smaller
// than 16 levels everywhere. In a stream's first pictures only cuts are seen. An encoder that is starved, and gets from a
// blur to the full picture within one frame, makes a change like any other.
//
// A picture that changes no more than twice as much as each of the three before it goes on with what they began: in a fade or a
// dissolve no picture is the start of something. What such a change leads to is found when it has settled (type gradual).
type scorer struct {
	last   *look
	pts    int64 // of the picture before; set with last
	clock  int64 // ticks since the first picture, where none counts more than maxScoreStep
	window []scored
	// cut is the last change of the whole picture. Its distances are kept for the pictures that may still belong to it, of
	// which there are settle less one.
	cut    scored
	settle int

	gradual gradual
	// luma and chroma are how brightness and colours change.
	luma, chroma ramp
}

// scored is a picture of the window.
type scored struct {
	clock int64
	distances
}

// score is that of the next picture, 0 to 1; 0 for the first. slow is that of a gradual change which has ended with it, and since
// the PTS of a picture from before. Nothing of p is kept.
func (s *scorer) score(p *picture) (score, slow float64, since int64) {
	now, before := lookAt(p), s.last
	step := p.pts - s.pts
	if step <= 0 || step > maxScoreStep {
		step = maxScoreStep
	}
	s.last, s.pts = now, p.pts
	if before == nil {
		return 0, 0, 0
	}
	s.clock += step
	slow, since = s.gradual.score(now, p.pts, s.clock)
	d := distances{newColours: colourDistance(now, before), newTints: tintDistance(now, before),
		newGreys: greyDistance(now, before), newPlaces: placeDistance(now, before)}
	n := 0
	for n < len(s.window) && (s.window[n].clock <= s.clock-scoreWindow || len(s.window)-n >= maxScored) {
		n++
	}
	s.window = slices.Delete(s.window, 0, n)
	third := s.usual()
	u := s.withQuiet(third)
	for m := range u {
		u[m] = max(u[m], s.cut.distances[m]/4)
	}
	var scores distances
	for m, c := range [measures]float64{newColours: 0.011, newTints: 0.005, newGreys: 0.2, newPlaces: 0.2} {
		scores[m] = (d[m] - u[m]) / (d[m] + u[m] + c)
	}
	s.window = append(s.window, scored{s.clock, d})
	s.meetCut(d, third)
	if s.luma.goesOn(now.cells.change(&before.cells)) {
		scores[newGreys], scores[newPlaces] = 0, 0
	}
	if s.chroma.goesOn(now.cb.change(&before.cb) + now.cr.change(&before.cr)) {
		scores[newColours] = 0
	}
	return max(0, min(scores[newColours], scores[newTints]), scores[newGreys], scores[newPlaces]), slow, since
}

// meetCut notes whether the picture before which the usual distances were third is a cut, by the distances alone: so what
// is known of the past doesn't depend on where scoring began, beyond scoreMemory.
func (s *scorer) meetCut(d, third distances) {
	s.settle--
	if s.settle <= 0 {
		s.settle, s.cut.distances = 0, distances{}
	}
	for _, m := range []int{newColours, newGreys, newPlaces} {
		if d[m] < cutDistance || d[m] <= 2*third[m] {
			continue
		}
		s.cut.clock, s.settle = s.clock, settling+1
		for n := range d { // the larger, where it goes on with one just before
			s.cut.distances[n] = max(s.cut.distances[n], d[n])
		}
		return
	}
}

// usual is the third largest distances of the window.
func (s *scorer) usual() distances {
	var u distances
	for m := range u {
		u[m] = unknownDistance
		if len(s.window) >= usualRank {
			u[m] = ranked(s.window, m, usualRank)
		}
	}
	return u
}

// withQuiet is u where the pictures since the last cut are all loud, else with what is usual among the quiet ones.
func (s *scorer) withQuiet(u distances) distances {
	since := s.window
	for len(since) > 0 && since[0].clock <= s.cut.clock {
		since = since[1:]
	}
	rank := max(usualRank, int(math.Ceil(loudShare*float64(len(since)))))
	if len(since) <= rank || ranked(since, newColours, rank) > quietDistance {
		return u
	}
	u[newColours], u[newTints] = ranked(since, newColours, rank), ranked(since, newTints, rank)
	return u
}

// ranked is the distance of that rank by a measure, where the largest has 1. There must be as many.
func ranked(window []scored, measure, rank int) float64 {
	all := make([]float64, len(window))
	for i, w := range window {
		all[i] = w.distances[measure]
	}
	slices.Sort(all)
	return all[len(all)-rank]
}
