package pipeline

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// order puts the units of several tracks, each in decoding order, into one: by decoding time, at equal times those of the earlier track
// first.
type order struct {
	waiting [][]stream.Unit // by track
	ended   []bool
}

func newOrder(tracks int) order {
	return order{make([][]stream.Unit, tracks), make([]bool, tracks)}
}

func (o *order) add(track int, u stream.Unit) { o.waiting[track] = append(o.waiting[track], u) }

// next is the track of the next unit. It is -1 where that is not known, since a track that has not ended has no unit waiting, and where
// all have ended and no unit is left.
func (o *order) next() int {
	first := -1
	for i, list := range o.waiting {
		switch {
		case len(list) == 0 && !o.ended[i]:
			return -1
		case len(list) == 0:
		case first < 0 || earlier(&list[0].Unit, &o.waiting[first][0].Unit):
			first = i
		}
	}
	return first
}

// take takes the next unit, where there is one.
func (o *order) take() (u stream.Unit, ok bool) {
	i := o.next()
	if i < 0 {
		return u, false
	}
	u, o.waiting[i] = o.waiting[i][0], o.waiting[i][1:]
	return u, true
}

// earlier reports whether a is decoded before b, exactly.
func earlier(a, b *media.Unit) bool {
	timeA, scaleA := decoded(a)
	timeB, scaleB := decoded(b)
	hiA, loA := bits.Mul64(timeA, scaleB)
	hiB, loB := bits.Mul64(timeB, scaleA)
	return hiA < hiB || hiA == hiB && loA < loB
}

// decoded is the decoding time of a unit, and how many of these are a second. Sound counts as a sample later: the first sample of a
// frame begins up to a sample before its picture, which is to be in front of it.
func decoded(u *media.Unit) (time, scale uint64) {
	if u.Codec() == media.AAC {
		return uint64(u.DTS + 1), media.SampleRate
	}
	return uint64(u.DTS), media.TicksPerSecond
}

// gathering is the order of units that many goroutines add and one takes.
type gathering struct {
	mu      sync.Mutex
	changed *sync.Cond
	order
	stopped bool // nobody takes units any more
}

// maxWaiting is how many units of a track may wait while none is missing to continue: enough to even out the bursts in which encoders
// give them.
const maxWaiting = 64

func newGathering(tracks int) *gathering {
	g := &gathering{order: newOrder(tracks)}
	g.changed = sync.NewCond(&g.mu)
	return g
}

// put adds a unit. It waits while the track has many and it is not the reader that waits for a unit of another track: an encoder must
// not wait for a slower one, or both might wait for ever. It is false when the order was stopped.
func (g *gathering) put(track int, u stream.Unit) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.stopped && len(g.waiting[track]) >= maxWaiting && g.next() >= 0 {
		g.changed.Wait()
	}
	g.add(track, u)
	g.changed.Broadcast()
	return !g.stopped
}

// end notes that a track has no more units.
func (g *gathering) end(track int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended[track] = true
	g.changed.Broadcast()
}

// stop ends all waiting.
func (g *gathering) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	g.changed.Broadcast()
}

// get takes the next unit and waits for it. It is false when no more come.
func (g *gathering) get() (u stream.Unit, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		if g.stopped {
			return u, false
		}
		if u, ok = g.take(); ok {
			g.changed.Broadcast()
			return u, true
		}
		if !slices.Contains(g.ended, false) {
			return u, false
		}
		g.changed.Wait()
	}
}
