package scenes

import (
	"math"
	"slices"

	"github.com/refstream/refstream/media"
)

const (
	scoreWindow = media.TicksPerSecond // how far back pictures are compared: 1 s
	// scoreMemory is how far back a score depends on pictures: cuts and usual distances, and starts of gradual changes.
	scoreMemory = gradualWindow + scoreWindow
	// maxScoreStep bounds a picture's time in the window, 0.2 s, so that the window is not empty at low frame rates and after a pause.
	maxScoreStep = media.TicksPerSecond / 5
	maxScored    = 512 // bounds the memory of the window, for pictures without time between them
	// usualRank: the third largest distance of the window is usual. Two larger ones, such as a start and an end, are not.
	usualRank = 3
	// unknownDistance stands in for missing pictures. In a stream's first pictures, while the quality settles, only large changes count.
	unknownDistance = 0.05
	// Where fewer than 0.4 of the pictures have new colours, these are neither movement nor noise, and each may count. A picture is
	// quiet up to quietDistance, which coding causes.
	loudShare     = 0.4
	quietDistance = 0.0002
	// cutDistance is the least distance of a cut, which must also be twice the usual. The next settling pictures may belong to it
	// (half a picture, an encoder that is settling): a quarter of it doesn't count.
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

// scorer rates how much each picture is the start of something new.
//
// The distance d of a picture from the previous one is taken by four measures. The usual distance u is the third largest of the
// last second. A measure has
//
//	(d - u) / (d + u + c)
//
// and the score is the largest of three: brightness, places, and the smaller of the two for colours; 0 if all are negative. So
// movement, noise, fades and counters cancel out. What moves into the picture sometimes brings new colours, but always changes
// those of places, so both must be unusual. c is the change that gets 0.5 in an otherwise still picture: 1.1 % and 0.5 % for
// colours, 20 % for the others. If most pictures of the second have no new colours, u is the distance that 0.4 of them exceed.
//
// A hard cut gets 0.5 to 1, a block of 0.7 % of the picture that turns cyan 0.39; other pictures of this project's stream less
// than 0.1, and less than 0.25 in the first second at a bit rate far too low; pans and test patterns less than 0.29. Colours of
// less than 0.5 % of the picture, and brightness by less than 16 levels, are not noticed; in the first pictures only cuts are. A
// starved encoder that sharpens the picture within one frame makes a change like any other.
//
// A picture that changes at most twice as much as each of the three before it continues their change: a fade or dissolve has no
// start. Its result is found when it has settled (type gradual).
type scorer struct {
	last   *look
	pts    int64 // of the picture before; set with last
	clock  int64 // ticks since the first picture, where none counts more than maxScoreStep
	window []scored
	// cut is the last change of the whole picture. Its distances apply to the following settle-1 pictures.
	cut    scored
	settle int

	gradual gradual
	// luma and chroma are how brightness and colours change.
	luma, chroma ramp
}

type scored struct {
	clock int64
	distances
}

// score is that of the next picture, 0 to 1; 0 for the first. slow is that of a gradual change that ended with it, and since the
// PTS of its start. p is not kept.
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

// meetCut notes a cut by the distances alone, where third were usual before: so that it doesn't depend on where scoring began,
// beyond scoreMemory.
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
		for n := range d { // the larger, if it continues one just before
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

// withQuiet is u if all pictures since the last cut are loud, else what is usual among the quiet ones.
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
