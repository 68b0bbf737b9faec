package score

import (
	"fmt"
	"io"
	"strings"

	"github.com/refstream/refstream/media"
)

// shownLines is how many missed markers and spurious detections the table lists.
const shownLines = 10

// WriteTable writes the report for people to read on a terminal.
func (r Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	for _, row := range r.summary() {
		fmt.Fprintf(&b, "%-12s %s\n", row[0], row[1])
	}
	writeList(&b, 12, "missed", r.missedRows())
	writeList(&b, 12, "spurious", r.spuriousRows())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write score: %w", err)
	}
	return nil
}

// writeList writes the first rows of a list behind its name, which takes so many columns.
func writeList(b *strings.Builder, columns int, name string, rows [][]string) {
	for _, row := range rows[:min(len(rows), shownLines)] {
		fmt.Fprintf(b, "%-*s %s\n", columns, name, strings.Join(row, ", "))
	}
	if more := len(rows) - shownLines; more > 0 {
		fmt.Fprintf(b, "%-*s and %d more\n", columns, name, more)
	}
}

// summary is what the report is in short, a name and a text each.
func (r Report) summary() [][]string {
	drift := "-"
	if r.DriftPPM != nil {
		drift = fmt.Sprintf("%+.1f ppm", *r.DriftPPM)
	}
	rows := [][]string{
		{"markers", fmt.Sprintf("%d, %d of them missed", r.Markers, r.Missed)},
		{"detections", fmt.Sprintf("%d, %d of them spurious (on the clock %s, within %s s)", r.Detections, r.Spurious, r.Clock, r.Tolerance)},
		{"precision", share(r.Precision)}, {"recall", share(r.Recall)}, {"F1", share(r.F1)},
		{"bias", length(r.Bias)},
		{"error", fmt.Sprintf("p50 %s, p95 %s, max %s", length(r.P50), length(r.P95), length(r.Max))},
		{"drift", drift},
	}
	if r.Note != "" {
		rows = append(rows, []string{"note", r.Note})
	}
	return rows
}

func (r Report) missedRows() (rows [][]string) {
	for _, m := range r.MissedMarkers {
		rows = append(rows, []string{fmt.Sprintf("%s at frame %d (%s s)", m.ID, m.Frame, m.At)})
	}
	return rows
}

func (r Report) spuriousRows() (rows [][]string) {
	for _, d := range r.SpuriousDetections {
		rows = append(rows, []string{fmt.Sprintf("detection %d (%s s)", d.Index+1, d.At)})
	}
	return rows
}

func share(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.4f", *v)
}

func length(t *media.Seconds) string {
	if t == nil {
		return "-"
	}
	return t.String() + " s"
}
