package gaps

import (
	"image/color"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/recorder"
)

// pixel is the shortest visible time on the axis.
func (r *Report) pixel() time.Duration { return max(r.timeline.Length/maxPoints, 1) }

// thin leaves of values in order only the largest of those that are at about the same time.
func (r *Report) thin(list []sample) []sample {
	var some []sample
	last := int64(-1)
	for _, s := range list {
		at := int64(r.Offset(s.Moment) / r.pixel())
		if n := len(some); n == 0 || at != last || some[n-1].Run != s.Run {
			some, last = append(some, s), at
			continue
		}
		kept := &some[len(some)-1]
		begins := kept.begins || s.begins
		if s.value > kept.value {
			*kept = s
		}
		kept.begins = begins
	}
	return some
}

// curve draws values as lines, which break where a run ends or segments are missing.
func (r *Report) curve(list []sample) (pieces []plotter.XYs) {
	list = r.thin(list)
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].Run == list[from].Run && !list[to].begins {
			to++
		}
		pieces = append(pieces, r.points(list[from:to]))
		from = to
	}
	return pieces
}

func (r *Report) points(list []sample) plotter.XYs {
	points := make(plotter.XYs, len(list))
	for i := range list {
		points[i] = plotter.XY{X: r.Offset(list[i].Moment).Seconds(), Y: list[i].value.Seconds()}
	}
	return points
}

func (r *Report) offsets(list []recorder.Moment) []float64 {
	at := make([]float64, len(list))
	for i, m := range list {
		at[i] = r.Offset(m).Seconds()
	}
	return at
}

// resumptions are the starts of further runs, as far as visible.
func (r *Report) resumptions() []float64 {
	var list []recorder.Moment
	last := time.Duration(0)
	for i := range r.Runs {
		m := recorder.Moment{Run: r.Runs[i].ID}
		if at := r.Offset(m); at >= last+r.pixel() {
			list, last = append(list, m), at
		}
	}
	return r.offsets(list)
}

// addSeries adds lines with dots. Steps are intervals: each is a level line over the time that it lasted.
func addSeries(p *plot.Plot, pieces []plotter.XYs, style draw.LineStyle, step plotter.StepKind) error {
	for _, points := range pieces {
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return err
		}
		dots.GlyphStyle = dot(style.Color)
		if step != plotter.NoStep {
			first := points[0]
			points = append(plotter.XYs{{X: max(first.X-first.Y, p.X.Min), Y: first.Y}}, points...)
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.LineStyle, line.StepStyle = style, step
		p.Add(line, dots)
	}
	return nil
}

func dot(c color.Color) draw.GlyphStyle {
	return draw.GlyphStyle{Color: c, Radius: vg.Points(1.5), Shape: draw.CircleGlyph{}}
}

// lineColor is the color of a playlist: not red, which marks problems.
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

// fail keeps when a request failed, unless another did at about that time.
func (r *Report) fail(e *recorder.Exchange) {
	list := &r.failedOthers
	if e.Resource == hlsclient.ResourcePlaylist {
		list = &r.failedLists
	}
	if n := len(*list); n > 0 && (*list)[n-1].Run == e.Run && e.Began-(*list)[n-1].At < r.pixel() {
		return
	}
	*list = append(*list, recorder.Moment{Run: e.Run, At: e.Began})
}
