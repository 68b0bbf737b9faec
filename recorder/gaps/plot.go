package gaps

import (
	"fmt"
	"image/color"
	"io"
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
	plotWidth  = 24 * vg.Centimeter
	plotHeight = 16 * vg.Centimeter
	// plotMargin keeps the half of the last number that stands beyond an axis.
	plotMargin = 0.5 * vg.Centimeter
	// maxPoints bounds the points of a line: more than there are pixels only make the file larger.
	maxPoints = 2000
	// maxLines is how many playlists are drawn: more can't be told apart.
	maxLines = 12
)

// Plot draws two diagrams over the time of the recording, whose pauses are left out: the intervals between versions of each
// playlist, with their thresholds and gaps, and how long each segment took. The format is "svg" or "png".
func (r *Report) Plot(w io.Writer, format string) error {
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case "svg":
		canvas = vgsvg.New(plotWidth, plotHeight)
	case "png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.New(plotWidth, plotHeight)}
	default:
		return fmt.Errorf("plot gaps: the format is %q: give svg or png", format)
	}
	intervals, err := r.plotIntervals()
	if err != nil {
		return fmt.Errorf("plot intervals: %w", err)
	}
	delays, err := r.plotDelays()
	if err != nil {
		return fmt.Errorf("plot lateness: %w", err)
	}
	page := draw.New(canvas)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	page = draw.Crop(page, plotMargin, -plotMargin, plotMargin, -plotMargin)
	plots := [][]*plot.Plot{{intervals}, {delays}}
	cells := plot.Align(plots, draw.Tiles{Rows: len(plots), Cols: 1, PadY: plotMargin}, page)
	for i := range plots {
		plots[i][0].Draw(cells[i][0])
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

// starts says for each run where it begins on the axis.
func (r *Report) starts() map[int64]time.Duration {
	at := time.Duration(0)
	starts := make(map[int64]time.Duration, len(r.Runs))
	for i := range r.Runs {
		starts[r.Runs[i].ID] = at
		at += r.Runs[i].Ended
	}
	return starts
}

// diagram is an empty one with the whole recording on its axis.
func (r *Report) diagram(title, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "time of the recording (s)", y
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	end := time.Duration(0)
	for i := range r.Runs {
		end += r.Runs[i].Ended
	}
	p.X.Min, p.X.Max = 0, max(end.Seconds(), 1)
	p.Y.Min, p.Y.Max = 0, 0
	return p
}

func (r *Report) plotIntervals() (*plot.Plot, error) {
	p := r.diagram("Intervals between versions", "interval (s)")
	drawn, longest := 0, time.Duration(0)
	for i := range r.Playlists {
		of := &r.Playlists[i]
		longest = max(longest, of.Threshold)
		if len(of.intervals) == 0 || drawn == maxLines {
			continue
		}
		if err := r.series(p, of.title(), of.intervals, drawn); err != nil {
			return nil, err
		}
		drawn++
	}
	if longest > 0 {
		if err := threshold(p, longest); err != nil {
			return nil, err
		}
	}
	marks := make([]sample, 0, len(r.Gaps))
	for i := range r.Gaps {
		g := &r.Gaps[i]
		marks = append(marks, sample{recorder.Moment{Run: g.Before.Run, At: g.Before.Seen + g.Interval}, g.Interval})
	}
	if err := r.marks(p, "gap", marks, draw.CrossGlyph{}); err != nil {
		return nil, err
	}
	return finished(p, drawn+2), nil
}

func (r *Report) plotDelays() (*plot.Plot, error) {
	p := r.diagram("From when a segment was asked for to when it was there", "time (s)")
	drawn := 0
	for i := range r.Playlists {
		of := &r.Playlists[i]
		if len(of.delays) == 0 || drawn == maxLines {
			continue
		}
		if err := r.series(p, of.title(), of.delays, drawn); err != nil {
			return nil, err
		}
		drawn++
	}
	var late, missing []sample
	for i := range r.Findings {
		switch f := &r.Findings[i]; f.Kind {
		case KindSegmentLate:
			late = append(late, sample{f.Moment, f.Amount})
		case KindSegmentMissing:
			missing = append(missing, sample{f.Moment, 0})
		}
	}
	if err := r.marks(p, "late", late, draw.CrossGlyph{}); err != nil {
		return nil, err
	}
	if err := r.marks(p, "missing", missing, draw.PyramidGlyph{}); err != nil {
		return nil, err
	}
	return finished(p, drawn+2), nil
}

// finished makes room for a legend of so many lines above the values, and gives an axis a length where there are none.
func finished(p *plot.Plot, lines int) *plot.Plot {
	const each = 0.09 // of the height
	p.Y.Max = max(p.Y.Max, 0.1) / (1 - min(each*float64(lines), 0.7))
	return p
}
