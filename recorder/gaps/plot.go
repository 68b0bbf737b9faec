package gaps

import (
	"fmt"
	"image/color"
	"io"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/refstream/refstream/recorder"
)

const (
	plotWidth  = 28 * vg.Centimeter
	plotHeight = 16 * vg.Centimeter
	plotMargin = 0.5 * vg.Centimeter // keeps the half of the last number that is beyond an axis
	// otherFont is the most that the letters of an SVG, in a font of the viewer, are wider than measured: DejaVu Serif is 1.25 times
	// as wide as Liberation Serif.
	otherFont = 1.3
	maxPoints = 2000 // bounds the points of a line: more than there are pixels only make the file larger
	maxLines  = 12   // how many playlists are drawn: more can't be distinguished
)

// Plot draws two diagrams over the time of the recording without its pauses: the intervals between the versions of each
// playlist, with their thresholds, and how long each segment took. Gaps are shaded, and ticks at the top are failed requests.
// The format is "svg" or "png".
func (r *Report) Plot(w io.Writer, format string) error {
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	wider := vg.Length(1)
	switch format {
	case "svg":
		canvas, wider = vgsvg.New(plotWidth, plotHeight), otherFont
	case "png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.New(plotWidth, plotHeight)}
	default:
		return fmt.Errorf("plot gaps: the format is %q: give svg or png", format)
	}
	d, err := r.draw()
	if err != nil {
		return fmt.Errorf("plot gaps: %w", err)
	}
	page := draw.New(canvas)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	page = draw.Crop(page, plotMargin, -plotMargin, plotMargin, -plotMargin)
	// The legend is beside the diagrams, where it covers nothing.
	legend := wider * d.legend.Rectangle(page).Size().X
	d.legend.Draw(draw.Crop(page, page.Size().X-legend, 0, 0, -plotMargin))
	plots := [][]*plot.Plot{{d.intervals}, {d.delays}}
	cells := plot.Align(plots, draw.Tiles{Rows: len(plots), Cols: 1, PadY: plotMargin}, draw.Crop(page, 0, -legend-plotMargin, 0, 0))
	for i := range plots {
		plots[i][0].Draw(cells[i][0])
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

const (
	headRoom = 0.12 // left above the values, as a share of them, for the ticks of what failed
	// maxThreshold is how many times the longest interval a threshold may be to be drawn: the axis would be for it alone.
	maxThreshold = 3
)

type drawing struct {
	r                 *Report
	intervals, delays *plot.Plot
	legend            plot.Legend // of both
}

func (r *Report) draw() (*drawing, error) {
	d := &drawing{r: r, legend: plot.NewLegend()}
	d.legend.Top, d.legend.Left = true, true
	d.legend.TextStyle.Font.Size = vg.Points(9)
	d.legend.Padding = vg.Points(5)
	d.legend.YPosition = draw.PosCenter
	d.intervals = d.diagram("Time from one version of a playlist to the next", "interval (s)")
	d.delays = d.diagram("Time from when a segment was asked for to when it was there", "time (s)")
	for _, add := range []func() error{d.addPlaylists, d.addThresholds, d.addGaps, d.addSegments} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	d.addFailures()
	for _, p := range []*plot.Plot{d.intervals, d.delays} {
		if p.Y.Max *= 1 + headRoom; p.Y.Max == 0 {
			p.Y.Max = 1
		}
	}
	return d, nil
}

// diagram is an empty one with the whole recording on its axis.
func (d *drawing) diagram(title, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "time of the recording (s)", y
	p.Title.Padding = vg.Points(4)
	p.X.Tick.Marker, p.Y.Tick.Marker = steps(10), steps(6)
	p.X.Min, p.X.Max = 0, d.r.timeline.Length.Seconds()
	if p.X.Max == 0 {
		p.X.Max = 1
	}
	p.Y.Min, p.Y.Max = 0, 0
	p.Add(newSpans(d.r))
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{Y: 0xd0}, color.Gray{Y: 0xd0}
	p.Add(grid)
	if starts := d.r.resumptions(); len(starts) > 0 {
		p.Add(strokes{at: starts, style: resumedStyle(), whole: true})
	}
	return p
}

func (d *drawing) addPlaylists() error {
	drawn, left := 0, int64(0)
	for _, of := range d.r.Playlists {
		if len(of.intervals) == 0 && len(of.delays) == 0 {
			continue
		}
		if drawn == maxLines {
			left++
			continue
		}
		style := draw.LineStyle{Color: lineColor(drawn), Width: vg.Points(0.75)}
		if err := addSeries(d.intervals, d.r.curve(of.intervals), style, plotter.PreStep); err != nil {
			return err
		}
		if err := addSeries(d.delays, d.r.curve(of.delays), style, plotter.NoStep); err != nil {
			return err
		}
		d.legend.Add(shortened(of.title()), &plotter.Line{LineStyle: style}, &plotter.Scatter{GlyphStyle: dot(style.Color)})
		drawn++
	}
	if left > 0 {
		d.legend.Add("and " + plural(left, "playlist") + " more, not drawn")
	}
	return nil
}

func (d *drawing) addThresholds() error {
	var list []time.Duration
	for i := range d.r.Playlists {
		if t := d.r.Playlists[i].Threshold; t > 0 {
			list = append(list, t)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	longest := d.intervals.Y.Max
	for _, t := range list[:min(len(list), maxLines)] {
		line, err := plotter.NewLine(plotter.XYs{{X: d.intervals.X.Min, Y: t.Seconds()}, {X: d.intervals.X.Max, Y: t.Seconds()}})
		if err != nil {
			return err
		}
		line.Color, line.Dashes = red(), []vg.Length{vg.Points(4), vg.Points(3)}
		if longest > 0 && t.Seconds() > maxThreshold*longest {
			d.legend.Add("threshold " + seconds(t) + ", further up")
			continue
		}
		d.intervals.Add(line)
		d.legend.Add("threshold "+seconds(t), line)
	}
	return nil
}

func (d *drawing) addGaps() error {
	lines := d.r.gapLines()
	for i, points := range lines {
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.LineStyle = draw.LineStyle{Color: red(), Width: vg.Points(3)}
		d.intervals.Add(line)
		if i == 0 {
			d.legend.Add("gap", newSpans(d.r), line)
		}
	}
	return nil
}

// gapLines are the gaps, each over its time and at its length; only the longest of those in one pixel.
func (r *Report) gapLines() (lines []plotter.XYs) {
	all := make([]sample, len(r.Gaps))
	for i := range r.Gaps {
		g := &r.Gaps[i]
		all[i] = sample{Moment: recorder.Moment{Run: g.Before.Run, At: g.Before.Seen}, value: g.Interval}
	}
	for _, p := range r.points(r.thin(all)) {
		lines = append(lines, plotter.XYs{p, {X: p.X + p.Y, Y: p.Y}})
	}
	return lines
}

// addSegments draws late and missing segments, the latter when they were given up.
func (d *drawing) addSegments() error {
	var late, missing []sample
	for i := range d.r.Findings {
		switch f := &d.r.Findings[i]; f.Kind {
		case KindSegmentLate:
			late = append(late, sample{Moment: f.Moment, value: f.Amount})
		case KindSegmentMissing:
			missing = append(missing, sample{Moment: recorder.Moment{Run: f.Run, At: f.At + f.Amount}, value: f.Amount})
		}
	}
	if err := d.addSigns("segment late", late, draw.CrossGlyph{}); err != nil {
		return err
	}
	return d.addSigns("segment missing", missing, draw.PyramidGlyph{})
}

func (d *drawing) addSigns(name string, list []sample, shape draw.GlyphDrawer) error {
	if len(list) == 0 {
		return nil
	}
	signs, err := plotter.NewScatter(d.r.points(d.r.thin(list)))
	if err != nil {
		return err
	}
	signs.GlyphStyle = draw.GlyphStyle{Color: red(), Radius: vg.Points(4), Shape: shape}
	d.delays.Add(signs)
	d.legend.Add(name, signs)
	return nil
}

// addFailures draws the requests that failed: those for playlists above, those for segments, maps and keys below.
func (d *drawing) addFailures() {
	style := draw.LineStyle{Color: failedColor(), Width: vg.Points(1.25)}
	for p, list := range map[*plot.Plot][]recorder.Moment{d.intervals: d.r.failedLists, d.delays: d.r.failedOthers} {
		if len(list) > 0 {
			p.Add(strokes{at: d.r.offsets(list), style: style})
		}
	}
	if len(d.r.failedLists)+len(d.r.failedOthers) > 0 {
		d.legend.Add("request failed", strokes{style: style})
	}
	if len(d.r.Runs) > 1 {
		d.legend.Add("resumed", strokes{style: resumedStyle(), whole: true})
	}
}

func resumedStyle() draw.LineStyle {
	return draw.LineStyle{Color: color.Gray{Y: 0x60}, Width: vg.Points(1)}
}

func red() color.Color         { return color.RGBA{R: 0xc6, G: 0x28, B: 0x28, A: 0xff} }
func failedColor() color.Color { return color.RGBA{R: 0x80, G: 0x00, B: 0x60, A: 0xff} }

// shortened cuts a name from its start to leave room for the diagrams.
func shortened(name string) string {
	const most = 36
	runes := []rune(name)
	if len(runes) <= most {
		return name
	}
	return "…" + string(runes[len(runes)-most+1:])
}
