package verify

import (
	"cmp"
	"slices"
	"sort"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/pixels"
)

// matcher finds the picture that a statement belongs to, by its time stamp.
type matcher struct {
	modulus int64
	reach   int64 // how far away a picture may be, in ticks
	shift   int64 // what is added to the time stamps of statements
	entries []entry
	list    []pixels.Picture
	// named are the frames of the units' frame records, and seen the units at each time stamp that several pictures have.
	named map[int64]int64
	seen  map[int64][]int64
}

type entry struct {
	pts     int64 // reduced by the modulus
	picture int
}

// newMatcher takes the pictures that the clocks are compared with. Two readers of one file may begin its time at different
// instants: if more statements match a picture so, the earliest of each are taken for the same instant.
func newMatcher(list []pixels.Picture, anchors []int, modulus, reach int64, statements []analyzer.Record) *matcher {
	j := &matcher{modulus: modulus, reach: reach, list: list, named: map[int64]int64{}, seen: map[int64][]int64{}}
	for i := range statements {
		if r := &statements[i]; r.Source == analyzer.FrameRecord && r.Unit >= 0 && r.Frame != nil {
			j.named[r.Unit] = *r.Frame
		}
	}
	earliest, found := int64(0), false
	for _, i := range anchors {
		if p := list[i]; p.Timed {
			j.entries = append(j.entries, entry{reduce(p.PTS, modulus), i})
			if !found || p.PTS < earliest {
				earliest, found = p.PTS, true
			}
		}
	}
	slices.SortStableFunc(j.entries, func(a, b entry) int { return cmp.Compare(a.pts, b.pts) })
	first, any := int64(0), false
	hits := func() (n int) {
		for _, s := range statements {
			if s.Unit < 0 || s.PTS == nil {
				continue
			}
			if !any || *s.PTS < first {
				first, any = *s.PTS, true
			}
			if _, ok := j.picture(*s.PTS); ok {
				n++
			}
		}
		return n
	}
	if as := hits(); found && any {
		// One that is off by whole frames hits nearly as many.
		if j.shift = earliest - first; hits() <= as {
			j.shift = 0
		}
	}
	return j
}

// picture is the index of the picture at a time stamp.
func (j *matcher) picture(pts int64) (int, bool) {
	if len(j.entries) == 0 {
		return 0, false
	}
	pts = reduce(pts+j.shift, j.modulus)
	k := sort.Search(len(j.entries), func(k int) bool { return j.entries[k].pts >= pts })
	best, distance := 0, int64(-1)
	for _, n := range []int{k - 1, k} {
		if n < 0 || n >= len(j.entries) {
			continue
		}
		if d := max(j.entries[n].pts-pts, pts-j.entries[n].pts); distance < 0 || d < distance {
			best, distance = j.entries[n].picture, d
		}
	}
	return best, distance <= j.reach
}

// unit is the index of the picture of an access unit. Of pictures at one time stamp it is the one with the frame of the unit's
// frame record; without one they are in the order of decoding.
func (j *matcher) unit(number, pts int64) (int, bool) {
	i, ok := j.picture(pts)
	if !ok || number < 0 {
		return i, ok
	}
	at := reduce(j.list[i].PTS, j.modulus)
	k := sort.Search(len(j.entries), func(k int) bool { return j.entries[k].pts >= at })
	var same []int
	for ; k < len(j.entries) && j.entries[k].pts == at; k++ {
		same = append(same, j.entries[k].picture)
	}
	if len(same) < 2 {
		return i, true
	}
	if n, named := j.named[number]; named {
		for _, i := range same {
			if j.list[i].Frame == n {
				return i, true
			}
		}
	}
	if !slices.Contains(j.seen[at], number) {
		j.seen[at] = append(j.seen[at], number)
	}
	return same[min(slices.Index(j.seen[at], number), len(same)-1)], true
}

// reduce is v modulo m, not negative; m = 0 leaves v as it is.
func reduce(v, m int64) int64 {
	if m == 0 {
		return v
	}
	if v %= m; v < 0 {
		v += m
	}
	return v
}

// centre is v modulo m, nearest to 0.
func centre(v, m int64) int64 {
	if v = reduce(v, m); m > 0 && v > m/2 {
		v -= m
	}
	return v
}
