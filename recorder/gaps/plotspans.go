package gaps

import (
	"cmp"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/refstream/refstream/recorder"
)

// span is a stretch of the axis of time in seconds.
type span struct{ from, to float64 }

// spans shades the time of gaps over the whole height. They are in order and do not overlap.
type spans []span

// newSpans makes those of all gaps. Such as can't be told apart are one.
func newSpans(r *Report) spans {
	all := make(spans, 0, len(r.Gaps))
	for i := range r.Gaps {
		g := &r.Gaps[i]
		before := recorder.Moment{Run: g.Before.Run, At: g.Before.Seen}
		all = append(all, span{r.Offset(before).Seconds(), r.Offset(g.end()).Seconds()})
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var merged spans
	for _, s := range all {
		if n := len(merged); n > 0 && s.from < merged[n-1].to+r.pixel().Seconds() {
			merged[n-1].to = max(merged[n-1].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

func shade() color.Color { return color.RGBA{R: 0xfb, G: 0xdd, B: 0xdd, A: 0xff} }

// Plot draws them.
func (s spans) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, one := range s {
		fill(&c, x(one.from), x(one.to), c.Min.Y, c.Max.Y)
	}
}

// Thumbnail draws what stands in the legend.
func (s spans) Thumbnail(c *draw.Canvas) { fill(c, c.Min.X, c.Max.X, c.Min.Y, c.Max.Y) }

func fill(c *draw.Canvas, left, right, bottom, top vg.Length) {
	c.FillPolygon(shade(), c.ClipPolygonXY([]vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}}))
}
