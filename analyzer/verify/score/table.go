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
	line := func(name, value string) { fmt.Fprintf(&b, "%-12s %s\n", name, value) }
	line("markers", fmt.Sprintf("%d, %d of them missed", r.Markers, r.Missed))
	line("detections", fmt.Sprintf("%d, %d of them spurious (on the clock %s, within %s s)", r.Detections, r.Spurious, r.Clock, r.Tolerance))
	line("precision", share(r.Precision))
	line("recall", share(r.Recall))
	line("F1", share(r.F1))
	line("bias", length(r.Bias))
	line("error", fmt.Sprintf("p50 %s, p95 %s, max %s", length(r.P50), length(r.P95), length(r.Max)))
	drift := "-"
	if r.DriftPPM != nil {
		drift = fmt.Sprintf("%+.1f ppm", *r.DriftPPM)
	}
	line("drift", drift)
	for i, m := range r.MissedMarkers {
		if i == shownLines {
			line("missed", fmt.Sprintf("and %d more", len(r.MissedMarkers)-i))
			break
		}
		line("missed", fmt.Sprintf("%s at frame %d (%s s)", m.ID, m.Frame, m.At))
	}
	for i, d := range r.SpuriousDetections {
		if i == shownLines {
			line("spurious", fmt.Sprintf("and %d more", len(r.SpuriousDetections)-i))
			break
		}
		line("spurious", fmt.Sprintf("detection %d (%s s)", d.Index+1, d.At))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write score: %w", err)
	}
	return nil
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
