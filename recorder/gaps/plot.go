package gaps

import (
	"fmt"
	"image/color"
	"io"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	plotWidth  = 28 * vg.Centimeter
	plotHeight = 16 * vg.Centimeter
	// plotMargin keeps the half of the last number that stands beyond an axis.
	plotMargin = 0.5 * vg.Centimeter
	// otherFont is how much wider than measured letters of an SVG may be, which is shown with the fonts that are there: DejaVu Serif is
	// 1.25 times as wide as Liberation Serif.
	otherFont = 1.3
	// maxPoints bounds the points of a line: more than there are pixels only make the file larger.
	maxPoints = 2000
	// maxLines is how many playlists are drawn: more can't be told apart.
	maxLines = 12
)

// Plot draws two diagrams over the time of the recording, whose pauses are left out: the intervals between versions of each
// playlist, with their thresholds, and how long each segment took. In both the gaps are shaded, and ticks at the top are
// requests that failed. The format is "svg" or "png".
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
	// The legend stands beside the diagrams, where it covers nothing.
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
