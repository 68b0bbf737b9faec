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

// match pairs two sorted lists one to one: as many pairs as possible no further apart than the tolerance and, of those,
// with the smallest sum of distances. On a line some best pairing keeps the order, so it is that of two sequences
// being aligned: a table of the best pairings of the first i markers with the first j detections, of which row i need
// only be known for those detections that are near marker i.
func match(truth, found []point, tolerance media.Seconds) ([]pair, error) {
	lo, hi := make([]int, len(truth)), make([]int, len(truth))
	cells := 0
	for i, t := range truth {
		lo[i] = sort.Search(len(found), func(j int) bool { return found[j].at >= t.at-tolerance })
		hi[i] = sort.Search(len(found), func(j int) bool { return found[j].at > t.at+tolerance })
		if cells += hi[i] - lo[i] + 1; cells > maxPairs {
			return nil, errors.New("too many detections are near each marker: use a smaller tolerance")
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
			p.cost += int64(max(t.at-found[j-1].at, found[j-1].at-t.at))
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
