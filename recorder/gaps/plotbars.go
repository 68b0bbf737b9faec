package gaps

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/refstream/refstream/recorder"
)

// bar is a level line from one time to another, in seconds.
type bar struct {
	span
	height float64
}

// bars are the gaps, each from the one version to the other, at its length.
type bars []bar

// newBars makes those of all gaps, or of the longest where they can't be told apart.
func newBars(r *Report) bars {
	all := make([]sample, 0, len(r.Gaps))
	for i := range r.Gaps {
		g := &r.Gaps[i]
		all = append(all, sample{Moment: recorder.Moment{Run: g.Before.Run, At: g.Before.Seen}, value: g.Interval})
	}
	var list bars
	for _, s := range r.thin(all) {
		from, length := r.Offset(s.Moment).Seconds(), s.value.Seconds()
		list = append(list, bar{span{from, from + length}, length})
	}
	return list
}

func barStyle() draw.LineStyle { return draw.LineStyle{Color: red(), Width: vg.Points(3)} }

// Plot draws them.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, one := range b {
		line := []vg.Point{{X: x(one.from), Y: y(one.height)}, {X: x(one.to), Y: y(one.height)}}
		c.StrokeLines(barStyle(), c.ClipLinesXY(line)...)
	}
}

// Thumbnail draws what stands in the legend.
func (b bars) Thumbnail(c *draw.Canvas) {
	y := c.Center().Y
	c.StrokeLine2(barStyle(), c.Min.X, y, c.Max.X, y)
}

// DataRange is what the axes must show.
func (b bars) DataRange() (xmin, xmax, ymin, ymax float64) {
	for _, one := range b {
		xmax, ymax = max(xmax, one.to), max(ymax, one.height)
	}
	return 0, xmax, 0, ymax
}
