package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/refstream/refstream/faults/verdict"
)

//go:embed report.html
var reportPage string

// WriteHTML writes the report as one page that needs no other file and no other host.
func (r *Report) WriteHTML(w io.Writer) error {
	page := struct {
		*Report
		Headline, Events, When string
		Rows, FaultRows        [][]string
		EventPlot              template.HTML
		Plots                  []namedPlot
	}{Report: r, Headline: r.headline(), Events: r.eventLine(), When: r.At.Format(time.RFC3339), Rows: r.clockRows(), FaultRows: verdict.Rows(r.Faults)}
	if r.FirstFrame != nil {
		drawn, err := r.plotEvents()
		if err != nil {
			return err
		}
		page.EventPlot = drawn
	}
	for _, c := range r.Clocks {
		if len(c.Samples) == 0 {
			continue
		}
		drawn, err := plotErrors(c)
		if err != nil {
			return err
		}
		page.Plots = append(page.Plots, namedPlot{c.Name, drawn})
	}
	t, err := template.New("report").Parse(reportPage)
	if err != nil {
		return fmt.Errorf("read template of report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return fmt.Errorf("fill in report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

type namedPlot struct {
	Name string
	SVG  template.HTML
}

// Size of the plots. A page is some 18 cm wide.
const (
	plotWidth  = 18 * vg.Centimeter
	plotHeight = 4.5 * vg.Centimeter
	// labelRoom is for the half of the last number that stands beyond the axis.
	labelRoom = 0.5 * vg.Centimeter
	// maxPoints bounds the points of a plot: more than pixels can show only make the page larger.
	maxPoints = 1500
)

func plotErrors(c Clock) (template.HTML, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "time (s)", "error (ms)"
	scatter, err := plotter.NewScatter(thin(c.Samples))
	if err != nil {
		return "", fmt.Errorf("plot %s: %w", c.Name, err)
	}
	scatter.GlyphStyle = draw.GlyphStyle{Color: blue(), Radius: vg.Points(1.5), Shape: draw.CircleGlyph{}}
	p.Add(plotter.NewGrid(), scatter)
	// An error of nothing at all would have an axis without length.
	const microsecond = 1e-3
	span := max(p.Y.Max-p.Y.Min, float64(c.Tolerance)/float64(time.Millisecond), microsecond)
	p.Y.Min, p.Y.Max = p.Y.Min-span/4, p.Y.Max+span/4
	return svg(p)
}

// thin leaves out points evenly where there are very many, but never the extremes of a stretch.
func thin(list []Sample) plotter.XYs {
	step := max(1, 2*len(list)/maxPoints)
	var points plotter.XYs
	for from := 0; from < len(list); from += step {
		low, high := from, from
		for i := from; i < min(from+step, len(list)); i++ {
			if list[i].Err < list[low].Err {
				low = i
			}
			if list[i].Err > list[high].Err {
				high = i
			}
		}
		for _, i := range []int{min(low, high), max(low, high)} {
			points = append(points, plotter.XY{
				X: float64(list[i].At) / float64(time.Second), Y: float64(list[i].Err) / float64(time.Millisecond),
			})
			if low == high {
				break
			}
		}
	}
	return points
}

// plotEvents draws the markers, and what was found of their events, over time.
func (r *Report) plotEvents() (template.HTML, error) {
	p := plot.New()
	p.X.Label.Text = "time (s)"
	clock := r.Channel.Clock()
	at := func(n int64) float64 { return float64(clock.Time(n)) / float64(time.Second) }
	p.X.Min, p.X.Max = at(*r.FirstFrame), at(*r.LastFrame+1)
	p.Y.Min, p.Y.Max = 0, 2
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0.5, Label: "findings"}, {Value: 1.5, Label: "markers"}}
	bar := func(first, last int64, low, high float64, c color.Color) {
		p.Add(&plotter.Polygon{
			XYs: []plotter.XYs{{
				{X: at(first), Y: low}, {X: at(last + 1), Y: low}, {X: at(last + 1), Y: high}, {X: at(first), Y: high},
			}},
			LineStyle: draw.LineStyle{Color: color.Black}, Color: c, // without width
		})
	}
	for i, m := range r.Markers {
		if i == maxPoints {
			break
		}
		bar(m.Frame, m.LastFrame, 1.1, 1.9, blue())
	}
	for _, f := range r.Findings {
		for _, place := range f.Places {
			bar(place.First, max(place.Last, place.First), 0.1, 0.9, red())
		}
	}
	return svg(p)
}

// svg draws a plot as an element that can stand in a page.
func svg(p *plot.Plot) (template.HTML, error) {
	canvas := vgsvg.New(plotWidth, plotHeight)
	p.Draw(draw.Crop(draw.New(canvas), 0, -labelRoom, 0, 0))
	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		return "", fmt.Errorf("draw plot: %w", err)
	}
	// Without the declaration of a document, which does not belong into another.
	if i := bytes.Index(b.Bytes(), []byte("<svg")); i > 0 {
		b.Next(i)
	}
	return template.HTML(b.String()), nil
}

func blue() color.Color { return color.RGBA{R: 0x1f, G: 0x5f, B: 0xbf, A: 0xff} }
func red() color.Color  { return color.RGBA{R: 0xc6, G: 0x28, B: 0x28, A: 0xff} }
