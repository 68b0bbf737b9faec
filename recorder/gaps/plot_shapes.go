package gaps

import (
	"cmp"
	"image/color"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/refstream/refstream/recorder"
)

// span is a stretch of the axis of time in seconds.
type span struct{ from, to float64 }

// spans shades the time of gaps over the whole height. They are in order and do not overlap.
type spans []span

// newSpans makes those of all gaps, joined where they touch.
func newSpans(r *Report) spans {
	all := make(spans, 0, len(r.Gaps))
	for _, g := range r.Gaps {
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

func (s spans) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, one := range s {
		fill(&c, x(one.from), x(one.to), c.Min.Y, c.Max.Y)
	}
}

func (s spans) Thumbnail(c *draw.Canvas) { fill(c, c.Min.X, c.Max.X, c.Min.Y, c.Max.Y) }

func fill(c *draw.Canvas, left, right, bottom, top vg.Length) {
	c.FillPolygon(shade(), c.ClipPolygonXY([]vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}}))
}

// strokes are upright lines at times in seconds: from the top of a diagram, or over all of it.
type strokes struct {
	at    []float64
	style draw.LineStyle
	whole bool
}

// tickLength fits into the head room.
const tickLength = 0.25 * vg.Centimeter

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

func (s strokes) Thumbnail(c *draw.Canvas) {
	x := c.Center().X
	c.StrokeLine2(s.style, x, c.Min.Y, x, c.Max.Y)
}

// steps numbers an axis at round values, of which there are at most about so many.
type steps int

func (n steps) Ticks(low, high float64) []plot.Tick {
	span := high - low
	if !(span > 0) || math.IsInf(span, 0) { // nor where it is no number
		return nil
	}
	power := math.Floor(math.Log10(span / float64(n)))
	unit := math.Pow(10, power)
	step := 10 * unit
	for _, factor := range []float64{1, 2, 5} {
		if span <= factor*unit*float64(n) {
			step = factor * unit
			break
		}
	}
	digits := max(0, int(-math.Floor(math.Log10(step)+1e-9))) // 0.1 must not be a little less
	var list []plot.Tick
	const slack = 1e-9 // of a step: the last one must not be left out because it is a bit above
	for i := int64(math.Ceil(low/step - slack)); float64(i) <= high/step+slack && len(list) <= int(n)+1; i++ {
		at := float64(i) * step
		list = append(list, plot.Tick{Value: at, Label: strconv.FormatFloat(at, 'f', digits, 64)})
	}
	return list
}
