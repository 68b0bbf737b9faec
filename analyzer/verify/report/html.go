package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed report.html
var reportPage string

// WriteHTML writes the report as one page that needs no other file and no other host.
func (r *Report) WriteHTML(w io.Writer) error {
	page := struct {
		*Report
		Headline, Events, When string
		Rows                   [][]string
		EventPlot              template.HTML
		Plots                  []namedPlot
	}{Report: r, Headline: r.headline(), Events: r.eventLine(), When: r.At.Format(time.RFC3339), Rows: r.clockRows()}
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
