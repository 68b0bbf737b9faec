package verify

import (
	"fmt"
	"slices"

	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
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

// mixed reports whether a picture is blended of frames of which none counts most: its code can't be read.
func mixed(p *pixels.Picture) bool { return p.Frame < 0 && p.Blended != nil }

// unmix finds the frames that pictures are blended of, as converters of frame rates do: among the frames near those of the
// pictures around, or near the one in a frame record.
func unmix(list []pixels.Picture, named map[int64]int64, modulus int64) []pixels.Picture {
	if !slices.ContainsFunc(list, func(p pixels.Picture) bool { return p.Levels != nil }) {
		return list
	}
	out := slices.Clone(list)
	last, since := int64(-1), int64(0) // the frame that is known last, and how many pictures ago
	for i := range out {
		p := &out[i]
		since++
		n, hinted := named[reduce(p.PTS, modulus)]
		switch {
		case p.Levels == nil:
		case p.Frame >= 0:
			var even bool
			if p.Blended, even = mix(p, p.Frame, p.Frame, leastWeight); p.Blended == nil { // of more than two it may be any
				p.Blended, even = mix(p, p.Frame-mostMixed, p.Frame-1, leastWeight)
			}
			if even { // that its code reads as one of them is chance
				p.Frame = -1
			}
		default:
			if hinted && p.Timed {
				p.Blended, _ = mix(p, n-mostMixed, n+mostMixed, 0)
			}
			if p.Blended == nil && last >= 0 && since <= farthest {
				p.Blended, _ = mix(p, last-mostMixed, last+2*since+mostMixed, 0)
			}
			if p.Blended == nil {
				if k := slices.IndexFunc(out[i:min(i+farthest, len(out))], func(p pixels.Picture) bool { return p.Frame >= 0 }); k >= 0 {
					next := out[i+k].Frame
					p.Blended, _ = mix(p, next-2*int64(k)-mostMixed, next, 0)
				}
			}
		}
		switch {
		case p.Frame >= 0:
			last, since = p.Frame, 0
		case p.Blended != nil:
			last, since = p.Blended[0], 0
		}
	}
	return out
}

// mix finds frames whose blend the picture is: one from first to last with one beside it, or more in a row. even reports that
// none of them counts most.
func mix(p *pixels.Picture, first, last int64, least int) (frames *[2]int64, even bool) {
	// Three frames in a row look like two of them, three apart, of which one counts twice: the codes are linear.
	const near = 2
	for n := max(first, 0); n <= last; n++ {
		for d := int64(1); d <= near; d++ {
			for _, other := range []int64{n + d, n - d} {
				if w, ok := p.Levels.Mix(n, other); ok && w >= least && 255-w >= least {
					return &[2]int64{min(n, other), max(n, other)}, w > 127-tie && w < 128+tie
				}
			}
		}
		row := []int64{n, n + 1}
		for len(row) < mostMixed {
			row = append(row, n+int64(len(row)))
			if _, ok := p.Levels.Mix(row...); ok {
				return &[2]int64{n, row[len(row)-1]}, true
			}
		}
	}
	return nil, false
}

func (c *checker) blended() []report.Finding {
	f := report.Finding{Kind: report.Blended}
	undecided := int64(0)
	for i := range c.in.pictures {
		p := &c.in.pictures[i]
		if p.Blended == nil {
			continue
		}
		if c.explained(report.Blended, "", p.Blended[0], p.Blended[1]) {
			continue
		}
		f.Add(report.Place{First: p.Blended[0], Last: p.Blended[1], Time: c.clock.Time(p.Blended[0]), Pictures: 1})
		if mixed(p) {
			undecided++
		}
	}
	if f.Count == 0 {
		return nil
	}
	f.Text = fmt.Sprintf("%s of %d %s blended of frames beside each other: of frames %d to %d (%s s) first", report.Plural(f.Count, "picture"),
		len(c.in.pictures), report.IsAre(f.Count), f.Places[0].First, f.Places[0].Last, f.Places[0].Time)
	if undecided > 0 {
		f.Text += fmt.Sprintf("; which one %d of them stand for could not be told", undecided)
	}
	return []report.Finding{f}
}

// changedForms finds the pictures that are of another form or colour.
func (c *checker) changedForms() (list []report.Finding) {
	find := func(kind report.Kind, what string, is func(*pixels.Picture) bool) {
		f := report.Finding{Kind: kind}
		for i := range c.in.pictures {
			if p := &c.in.pictures[i]; is(p) && !c.explained(kind, "", p.Frame, p.Frame) {
				f.Add(c.place(p.Frame))
			}
		}
		if f.Count > 0 {
			f.Text = fmt.Sprintf("%s of %d %s %s: at frame %d (%s s) first", report.Plural(f.Count, "picture"), len(c.in.pictures),
				report.IsAre(f.Count), what, f.Places[0].First, f.Places[0].Time)
			list = append(list, f)
		}
	}
	for _, change := range pixels.Forms() {
		kind := report.Mirrored
		if change.Form == pixels.Padded {
			kind = report.Padded
		}
		find(kind, string(change.Form), func(p *pixels.Picture) bool { return p.Form == change.Form })
	}
	find(report.Tinted, "of another colour", func(p *pixels.Picture) bool { return p.Tinted && p.Frame >= 0 })
	return list
}

// backwards reports whether the pictures run from the last frame to the first.
func backwards(list []pixels.Picture) bool {
	falls, rises := 0, 0
	for i := 1; i < len(list); i++ {
		switch a, b := list[i-1].Frame, list[i].Frame; {
		case a < 0 || b < 0:
		case b < a:
			falls++
		case b > a:
			rises++
		}
	}
	return falls > enough && rises*10 < falls // nine in ten
}
