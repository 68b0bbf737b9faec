package scenes

import "github.com/refstream/refstream/media"

const (
	// landmarkEvery is how far pictures are apart, in ticks of PTS, that gradual changes are looked for in.
	landmarkEvery   = media.TicksPerSecond / 10
	gradualWindow   = 3 * media.TicksPerSecond // the longest gradual change, with the pictures before it
	settledAfter    = 4                        // how many landmarks the picture must have been the same for: 0.4 s
	settledDistance = 0.1                      // how far pictures are apart at most that are the same, but for what moves in them
	gradualHalf     = 0.35                     // the distance that gets 0.5: scenes of the same few colours are 0.2 apart
	rampShare       = 2                        // a picture that changes at most twice as much as the ones before it continues their change
	rampPictures    = 3                        // how many pictures before it count
)

type landmark struct {
	pts, clock int64
	look       *look
	settled    bool
}

// gradual looks for gradual changes: fades, dissolves and wipes. Such a change leads from a settled picture to another one that
// resembles neither it nor what is between. Positions in the picture are ignored.
type gradual struct {
	marks []landmark
	pts   int64 // of the picture before
}

// score is the distance of a picture from the settled one before it, 0 to 1, and that one's PTS; 0 if there is none, or if the
// picture is not the first settled one since.
func (g *gradual) score(now *look, pts, clock int64) (score float64, since int64) {
	before := g.pts
	g.pts = pts
	if len(g.marks) > 0 && pts/landmarkEvery == before/landmarkEvery && pts >= before {
		return 0, 0
	}
	for len(g.marks) > 0 && g.marks[0].clock < clock-gradualWindow {
		g.marks = g.marks[1:]
	}
	n := len(g.marks)
	m := landmark{pts: pts, clock: clock, look: now}
	m.settled = n >= settledAfter && !now.black() && lookDistance(now, g.marks[n-settledAfter/2].look) <= settledDistance &&
		lookDistance(now, g.marks[n-settledAfter].look) <= settledDistance
	g.marks = append(g.marks, m)
	if !m.settled || g.marks[n-1].settled {
		return 0, 0
	}
	for i := n - 1; i >= 0; i-- {
		if g.marks[i].settled {
			d := lookDistance(now, g.marks[i].look)
			return d / (d + gradualHalf), g.marks[i].pts
		}
	}
	return 0, 0
}

// black reports a picture without content: a fade-out is no scene.
func (l *look) black() bool {
	const darkBins, nearlyAll = 4, 0.98 // luma up to 31
	dark := 0.0
	for _, share := range l.greys[:darkBins] {
		dark += share
	}
	return dark >= nearlyAll
}

// lookDistance compares the content of two pictures, wherever it is.
func lookDistance(a, b *look) float64 { return max(colourDistance(a, b), greyDistance(a, b)) }

// ramp reports whether a picture continues a change of the whole picture, as in a fade.
type ramp struct{ changes []float64 }

// change is how far two small pictures are apart.
func (a *thumb) change(b *thumb) (sum float64) {
	for i := range a {
		sum += max(a[i]-b[i], b[i]-a[i])
	}
	return sum
}

// goesOn takes the change of the next picture.
func (r *ramp) goesOn(change float64) bool {
	on := len(r.changes) == rampPictures
	for _, c := range r.changes {
		on = on && change <= rampShare*c
	}
	if r.changes = append(r.changes, change); len(r.changes) > rampPictures {
		r.changes = r.changes[1:]
	}
	return on
}
