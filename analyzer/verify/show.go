package verify

import "sort"

// show is a run of pictures after each other that are the same to the eye: all show one frame, or all are black, or none
// of them can be read.
type show struct {
	frame int64 // -1 where there is no code
	black bool
	first int // the first picture's index
	count int64
}

// shows divides the pictures into runs, without those that are out of order, which it returns by their indices.
func shows(list []picture) (runs []show, disordered []int) {
	inOrder := ordered(list)
	for i, p := range list {
		if p.frame >= 0 && !inOrder[i] {
			disordered = append(disordered, i)
			continue
		}
		if k := len(runs) - 1; k >= 0 && runs[k].frame == p.frame && runs[k].black == p.black {
			runs[k].count++
			continue
		}
		runs = append(runs, show{p.frame, p.black, i, 1})
	}
	return runs, disordered
}

// ordered marks the pictures of a longest subsequence whose frame numbers never fall: the fewest possible are left out.
func ordered(list []picture) []bool {
	// tails[k] is the picture with the smallest frame number that ends a sequence of k+1; before is each one's forerunner.
	var tails []int
	before := make([]int, len(list))
	for i, p := range list {
		if p.frame < 0 {
			continue
		}
		k := sort.Search(len(tails), func(k int) bool { return list[tails[k]].frame > p.frame })
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
