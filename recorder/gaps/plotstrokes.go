package gaps

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// strokes are upright lines at times in seconds: from the top of a diagram, or over all of it.
type strokes struct {
	at    []float64
	style draw.LineStyle
	whole bool
}

// tickLength fits into the head room.
const tickLength = 0.25 * vg.Centimeter

// Plot draws them.
func (s strokes) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	bottom := c.Max.Y - tickLength
	if s.whole {
		bottom = c.Min.Y
	}
	for _, at := range s.at {
		if left := x(at); c.ContainsX(left) {
			c.StrokeLine2(s.style, left, bottom, left, c.Max.Y)
		}
	}
}

// Thumbnail draws what stands in the legend.
func (s strokes) Thumbnail(c *draw.Canvas) {
	x := c.Center().X
	c.StrokeLine2(s.style, x, c.Min.Y, x, c.Max.Y)
}
