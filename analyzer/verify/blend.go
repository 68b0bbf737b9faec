package verify

import (
	"fmt"
	"slices"
)

const (
	// mostMixed is how many frames in a row a picture is taken to be blended of at most.
	mostMixed = 6
	// leastWeight is what a frame must have of a blended picture, of 255, where another one can be read: less of it may be
	// what a weak encoder left of the frame before.
	leastWeight = 64
	// farthest is how many pictures away one whose frame is known is looked for.
	farthest = 60
	// tie is how far the weights of two frames may be from the half and none count more.
	tie = 16
)

// mixed says that a picture is blended of frames of which none counts most: its code can't be read.
func (p *picture) mixed() bool { return p.frame < 0 && p.blended != nil }

// unmix finds out of which frames pictures are blended, as converters of frame rates do: among the frames near those that
// the pictures around show, or that a frame record names.
func unmix(list []picture, named map[int64]int64, modulus int64) []picture {
	if !slices.ContainsFunc(list, func(p picture) bool { return p.levels != nil }) {
		return list
	}
	out := slices.Clone(list)
	last, since := int64(-1), int64(0) // the frame that is known last, and how many pictures ago
	for i := range out {
		p := &out[i]
		since++
		n, hinted := named[reduce(p.pts, modulus)]
		switch {
		case p.levels == nil:
		case p.frame >= 0:
			var even bool
			if p.blended, even = p.mix(p.frame, p.frame, leastWeight); p.blended == nil { // of more than two it may be any
				p.blended, even = p.mix(p.frame-mostMixed, p.frame-1, leastWeight)
			}
			if even { // that its code reads as one of them is chance
				p.frame = -1
			}
		default:
			if hinted && p.timed {
				p.blended, _ = p.mix(n-mostMixed, n+mostMixed, 0)
			}
			if p.blended == nil && last >= 0 && since <= farthest {
				p.blended, _ = p.mix(last-mostMixed, last+2*since+mostMixed, 0)
			}
			if p.blended == nil {
				if k := slices.IndexFunc(out[i:min(i+farthest, len(out))], func(p picture) bool { return p.frame >= 0 }); k >= 0 {
					next := out[i+k].frame
					p.blended, _ = p.mix(next-2*int64(k)-mostMixed, next, 0)
				}
			}
		}
		switch {
		case p.frame >= 0:
			last, since = p.frame, 0
		case p.blended != nil:
			last, since = p.blended[0], 0
		}
	}
	return out
}

// mix finds frames whose blend the picture is: one from first to last with one beside it, or more in a row. even says that
// none of them counts most.
func (p *picture) mix(first, last int64, least int) (frames *[2]int64, even bool) {
	// Three frames in a row look like two of them, three apart, of which one counts twice: the codes are linear.
	const near = 2
	for n := max(first, 0); n <= last; n++ {
		for d := int64(1); d <= near; d++ {
			for _, other := range []int64{n + d, n - d} {
				if w, ok := p.levels.Mix(n, other); ok && w >= least && 255-w >= least {
					return &[2]int64{min(n, other), max(n, other)}, w > 127-tie && w < 128+tie
				}
			}
		}
		row := []int64{n, n + 1}
		for len(row) < mostMixed {
			row = append(row, n+int64(len(row)))
			if _, ok := p.levels.Mix(row...); ok {
				return &[2]int64{n, row[len(row)-1]}, true
			}
		}
	}
	return nil, false
}

// blended says which pictures are blended.
func (c *checker) blended() []Finding {
	f := Finding{Kind: Blended}
	mixed := int64(0)
	for i := range c.in.pictures {
		p := &c.in.pictures[i]
		if p.blended == nil {
			continue
		}
		f.Count++
		if p.mixed() {
			mixed++
		}
		if len(f.Places) < maxPlaces {
			f.Places = append(f.Places, Place{First: p.blended[0], Last: p.blended[1], Time: c.clock.Time(p.blended[0]), Pictures: 1})
		}
	}
	if f.Count == 0 {
		return nil
	}
	f.Text = fmt.Sprintf("%s of %d %s blended of frames beside each other: of frames %d to %d (%s s) first", plural(f.Count, "picture"),
		len(c.in.pictures), isAre(int(f.Count)), f.Places[0].First, f.Places[0].Last, f.Places[0].Time)
	if mixed > 0 {
		f.Text += fmt.Sprintf("; which one %d of them stand for could not be told", mixed)
	}
	return []Finding{f}
}

// changedForms says which pictures are of another form.
func (c *checker) changedForms() (list []Finding) {
	for _, f := range forms() {
		var places []Place
		count := int64(0)
		for _, p := range c.in.pictures {
			if p.form != f.form {
				continue
			}
			if count++; len(places) < maxPlaces {
				places = append(places, c.place(p.frame))
			}
		}
		kind := Mirrored
		if f.form == padded {
			kind = Padded
		}
		if count > 0 {
			list = append(list, Finding{
				Kind: kind, Count: count, Places: places,
				Text: fmt.Sprintf("%s of %d %s %s: at frame %d (%s s) first", plural(count, "picture"), len(c.in.pictures), isAre(int(count)), f.form,
					places[0].First, places[0].Time),
			})
		}
	}
	return list
}

// backwards says whether the pictures come from the last to the first.
func backwards(list []picture) bool {
	falls, rises := 0, 0
	for i := 1; i < len(list); i++ {
		switch a, b := list[i-1].frame, list[i].frame; {
		case a < 0 || b < 0:
		case b < a:
			falls++
		case b > a:
			rises++
		}
	}
	return falls > enough && rises*10 < falls // nine in ten
}
