package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/refstream/refstream/internal/redact"
)

// WriteTable writes the report for people to read on a terminal.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", redact.Unseen(r.Input), r.headline())
	fmt.Fprintf(&b, "%s %s %dx%d, %s", r.Kind, r.Stream.Codec, r.Stream.Width, r.Stream.Height, Plural(int64(r.Pictures), "picture"))
	if r.FirstFrame != nil {
		fmt.Fprintf(&b, ", frames %d to %d", *r.FirstFrame, *r.LastFrame)
	}
	fmt.Fprintf(&b, " of channel %s (%s frames/s)\n", r.Channel.Name, r.Channel.Rate)
	if rows := r.clockRows(); len(rows) > 0 {
		b.WriteString("\n")
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) // two spaces between the columns
		fmt.Fprintln(t, "CLOCK\tSTATE\tSTATEMENTS\tOFFSET\tDRIFT\tLARGEST ERROR")
		for _, row := range rows {
			fmt.Fprintln(t, strings.Join(row, "\t"))
		}
		if err := t.Flush(); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	if r.Events.Markers > 0 || r.Events.Extra > 0 {
		fmt.Fprintf(&b, "\nEvents: %s\n", r.eventLine())
	}
	if len(r.Findings) > 0 {
		b.WriteString("\nFINDINGS\n")
	}
	for _, f := range r.Findings {
		allowed := ""
		if f.Allowed {
			allowed = " (allowed)"
		}
		fmt.Fprintf(&b, "  %s: %s%s\n", f.Kind, redact.Unseen(f.Text), allowed)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "Note: %s\n", redact.Unseen(note))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Report) headline() string {
	against := 0
	for _, f := range r.Findings {
		if !f.Allowed {
			against++
		}
	}
	text := fmt.Sprintf("NOT TRUE, %s", Plural(int64(against), "finding"))
	switch {
	case r.Verdict == Unknown:
		text = "could not be told"
	case r.Verdict == True && len(r.Findings) > 0:
		text = fmt.Sprintf("true, but for %s that %s allowed", Plural(int64(len(r.Findings)), "finding"), IsAre(int64(len(r.Findings))))
	case r.Verdict == True:
		text = "true"
	}
	for _, f := range r.Findings {
		if f.Kind == Missing { // whoever allows for them wants to know how many
			text += fmt.Sprintf(", %s missing", Plural(f.Count, "frame"))
		}
	}
	return text
}

// clockRows are the clocks that there is something to say of.
func (r *Report) clockRows() (rows [][]string) {
	for _, c := range r.Clocks {
		if c.State == Absent {
			continue
		}
		row := []string{c.Name, string(c.State), fmt.Sprint(c.Statements), "", "", ""}
		if c.Expected > 0 {
			row[2] = fmt.Sprintf("%d of %d", c.Statements, c.Expected)
		}
		if c.Statements > 0 {
			row[3], row[5] = Brief(c.Offset)+" s", Brief(c.Worst)+" s"
			if c.PPM != 0 {
				row[4] = fmt.Sprintf("%+.1f ppm", math.Round(c.PPM*10)/10)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *Report) eventLine() string {
	e := r.Events
	return fmt.Sprintf("%s in the stream, %d seen, %d of them exact to the frame, %d without a marker",
		Plural(int64(e.Markers), "marker"), e.Seen, e.Exact, e.Extra)
}
