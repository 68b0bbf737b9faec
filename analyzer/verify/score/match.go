package score

import (
	"errors"
	"sort"

	"github.com/refstream/refstream/media"
)

// pair is a marker and its detection, by their places in the sorted lists.
type pair struct{ marker, detection int }

// Steps of the best way to a cell of the table.
const (
	stepMarker    = iota // the marker is left over
	stepDetection        // the detection is left over
	stepPair
)

// best is the value of a cell: more pairs are better, then a smaller sum of distances.
type best struct {
	pairs int
	cost  int64
}

func (b best) over(o best) bool { return b.pairs > o.pairs || b.pairs == o.pairs && b.cost < o.cost }

// farthest bounds the cost of a pair, to ten hours, so that the sum of all costs fits 63 bits.
const farthest = media.Seconds(1) << 45

// near are the places, from lo to before hi, of the detections that a marker or fault may have: those from the tolerance before it
// begins to the tolerance after it ends.
func near(t point, found []point, tolerance media.Seconds) (lo, hi int) {
	lo = sort.Search(len(found), func(j int) bool { return found[j].at >= t.at-tolerance })
	return lo, sort.Search(len(found), func(j int) bool { return found[j].at > t.until+tolerance })
}

// match pairs two sorted lists one to one: as many pairs as possible no further apart than the tolerance and, of those,
// with the smallest sum of distances. On a line some best pairing keeps the order, so it is that of two sequences
// being aligned: a table of the best pairings of the first i markers with the first j detections, of which row i need
// only be known for those detections that are near marker i. That is so where no marker ends before an earlier one: see augment.
func match(truth, found []point, tolerance media.Seconds) ([]pair, error) {
	lo, hi := make([]int, len(truth)), make([]int, len(truth))
	cells := 0
	for i, t := range truth {
		lo[i], hi[i] = near(t, found, tolerance)
		if cells += hi[i] - lo[i] + 1; cells > maxPairs {
			return nil, errTooMany
		}
	}
	steps := make([][]uint8, len(truth))
	// before(j) is the best of the rows so far with the first j detections. Row i holds it for lo[i] <= j <= hi[i]; beyond
	// there is no more detection that these markers could have, and nobody asks for less.
	row, first := []best{{}}, 0
	before := func(j int) best { return row[min(j-first, len(row)-1)] }
	for i, t := range truth {
		next := make([]best, hi[i]-lo[i]+1)
		steps[i] = make([]uint8, len(next))
		next[0] = before(lo[i])
		for j := lo[i] + 1; j <= hi[i]; j++ {
			k := j - lo[i]
			next[k], steps[i][k] = before(j), stepMarker
			if d := next[k-1]; d.over(next[k]) {
				next[k], steps[i][k] = d, stepDetection
			}
			p := before(j - 1)
			p.pairs++
			p.cost += int64(min(max(t.at-found[j-1].at, found[j-1].at-t.at), farthest))
			if p.over(next[k]) {
				next[k], steps[i][k] = p, stepPair
			}
		}
		row, first = next, lo[i]
	}
	var pairs []pair
	for i, j := len(truth)-1, len(found); i >= 0; {
		j = min(j, hi[i])
		switch steps[i][j-lo[i]] {
		case stepPair:
			pairs = append(pairs, pair{i, j - 1})
			i, j = i-1, j-1
		case stepDetection:
			j--
		default:
			i--
		}
	}
	return pairs, nil // last pair first
}

// errTooMany is why lists are not paired.
var errTooMany = errors.New("too many detections are near each marker or fault: use a smaller tolerance")

// augment adds pairs until no pairing has more, by augmenting paths (Kuhn, 1955). It finds some only where a fault lies within
// another one of its kind, in which case the best pairing need not keep the order.
func augment(truth, found []point, tolerance media.Seconds, pairs []pair) ([]pair, error) {
	paired, of := make([]bool, len(truth)), make([]int, len(found))
	for j := range of {
		of[j] = -1
	}
	for _, p := range pairs {
		paired[p.marker], of[p.detection] = true, p.marker
	}
	seen, steps := make([]bool, len(found)), 0 // what a search in vain has seen is seen in vain by the next
	var find func(i int) bool
	find = func(i int) bool {
		lo, hi := near(truth[i], found, tolerance)
		for j := lo; j < hi && steps <= maxPairs; j++ {
			if steps++; seen[j] {
				continue
			}
			seen[j] = true
			if of[j] < 0 || find(of[j]) {
				of[j] = i
				return true
			}
		}
		return false
	}
	for i := range truth {
		if !paired[i] && find(i) {
			clear(seen)
		}
	}
	pairs = nil
	for j, i := range of {
		if i >= 0 {
			pairs = append(pairs, pair{i, j})
		}
	}
	if steps > maxPairs {
		return nil, errTooMany
	}
	return pairs, nil // in order of the detections
}
