package gaps

import (
	"image/color"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// series adds the values of a playlist, those of each run joined by a line.
func (r *Report) series(p *plot.Plot, name string, list []sample, i int) error {
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].Run == list[from].Run {
			to++
		}
		line, points, err := plotter.NewLinePoints(r.points(list[from:to]))
		if err != nil {
			return err
		}
		line.Color, points.Color = lineColor(i), lineColor(i)
		line.Width = vg.Points(0.5)
		points.Shape, points.Radius = draw.CircleGlyph{}, vg.Points(1.5)
		p.Add(line, points)
		if from == 0 {
			p.Legend.Add(name, line, points)
		}
		from = to
	}
	return nil
}

// lineColor tells maxLines playlists apart: no red, which is what is wrong.
func lineColor(i int) color.Color {
	list := [maxLines]color.RGBA{
		{R: 0x1f, G: 0x5f, B: 0xbf}, {R: 0x2e, G: 0x8b, B: 0x57}, {R: 0xe0, G: 0x8a, B: 0x00}, {R: 0x7b, G: 0x3f, B: 0xa8},
		{R: 0x00, G: 0x9a, B: 0xa6}, {R: 0x8b, G: 0x6b, B: 0x3e}, {R: 0x55, G: 0x55, B: 0x55}, {R: 0x9a, G: 0xb0, B: 0x1e},
		{R: 0x5c, G: 0xa8, B: 0xe0}, {R: 0xb8, G: 0x6f, B: 0xc8}, {R: 0x1e, G: 0x3a, B: 0x5f}, {R: 0xa0, G: 0xa0, B: 0xa0},
	}
	c := list[i%maxLines]
	c.A = 0xff
	return c
}

// points puts values on the axes. Where there are very many, only the largest of some in a row stands for them.
func (r *Report) points(list []sample) plotter.XYs {
	starts := r.starts()
	step := max(1, len(list)/maxPoints)
	points := make(plotter.XYs, 0, len(list)/step+1)
	for from := 0; from < len(list); from += step {
		at := from
		for i := from; i < min(from+step, len(list)); i++ {
			if list[i].value > list[at].value {
				at = i
			}
		}
		points = append(points, plotter.XY{X: (starts[list[at].Run] + list[at].At).Seconds(), Y: list[at].value.Seconds()})
	}
	return points
}

// marks adds red signs.
func (r *Report) marks(p *plot.Plot, name string, list []sample, shape draw.GlyphDrawer) error {
	if len(list) == 0 {
		return nil
	}
	signs, err := plotter.NewScatter(r.points(list))
	if err != nil {
		return err
	}
	signs.GlyphStyle = draw.GlyphStyle{Color: red(), Radius: vg.Points(4), Shape: shape}
	p.Add(signs)
	p.Legend.Add(name, signs)
	return nil
}

// threshold adds a line asigns.
func threshold(p *plot.Plot, d time.Duration) error {
	line, err := plotter.NewLine(plotter.XYs{{X: p.X.Min, Y: d.Seconds()}, {X: p.X.Max, Y: d.Seconds()}})
	if err != nil {
		return err
	}
	line.Color, line.Dashes = red(), []vg.Length{vg.Points(4), vg.Points(3)}
	p.Add(line)
	p.Legend.Add("threshold", line)
	return nil
}

func red() color.Color { return color.RGBA{R: 0xc6, G: 0x28, B: 0x28, A: 0xff} }
