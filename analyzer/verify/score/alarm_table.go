package score

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/media"
)

// undefined is what there is nothing to compute from.
const undefined = "undefined"

// WriteTable writes the report for people to read on a terminal.
func (r AlarmReport) WriteTable(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) // two spaces between the columns
	for _, row := range r.summary() {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	for _, rows := range [][][]string{r.kindRows(), r.confusionRows()} {
		if len(rows) < 2 { // a header alone
			continue
		}
		fmt.Fprint(t, "\f") // ends the columns
		for _, row := range rows {
			fmt.Fprintln(t, strings.Join(row, "\t"))
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write score: %w", err)
	}
	for _, list := range []struct {
		name string
		rows [][]string
	}{{"missed", r.missedRows()}, {"false", r.falseRows()}} {
		if len(list.rows) > 0 {
			b.WriteString("\n")
		}
		writeList(&b, 7, list.name, list.rows)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write score: %w", err)
	}
	return nil
}

// summary is what the report is in short, a name and a text each.
func (r AlarmReport) summary() [][]string {
	perHour := undefined
	if r.FalsePerHour != nil {
		perHour = fmt.Sprintf("%.2f", *r.FalsePerHour)
	}
	return [][]string{
		{"faults", fmt.Sprintf("%d, %d of them missed; beside them %d left out, %d not done", r.Faults, r.Missed, r.FaultsLeftOut, r.FaultsNotDone)},
		{"alarms", fmt.Sprintf("%d: %d right, %d duplicate, %d false, %d of decoys, %d ignored (edges within %s s)",
			r.Alarms, r.Right, r.Duplicates, r.FalseAlarms, r.DecoyAlarms, r.Ignored, r.Tolerance)},
		{"false an hour", perHour},
		{"decoys", fmt.Sprintf("%d, %d of them with an alarm", r.Decoys, r.DecoysAlarmed)},
		{"precision", fraction(r.Precision)}, {"recall", fraction(r.Recall)}, {"F1", fraction(r.F1)},
		{"onset", fmt.Sprintf("p50 %s, p95 %s", delay(r.OnsetP50), delay(r.OnsetP95))},
		{"clear", fmt.Sprintf("p50 %s, p95 %s", delay(r.ClearP50), delay(r.ClearP95))},
		{"IoU", fraction(r.IoU)},
	}
}

// kindRows are the kinds below a header.
func (r AlarmReport) kindRows() [][]string {
	rows := [][]string{{"KIND", "FAULTS", "HITS", "MISSED", "DUPLICATES", "FALSE", "DECOYS", "PRECISION", "RECALL", "F1",
		"ONSET P50", "P95", "CLEAR P50", "P95", "IOU"}}
	for _, k := range r.Kinds {
		row := []string{redact.Unseen(k.Kind)}
		for _, n := range []int{k.Faults, k.Hits, k.Missed, k.Duplicates, k.FalseAlarms, k.DecoyAlarms} {
			row = append(row, fmt.Sprint(n))
		}
		rows = append(rows, append(row, fraction(k.Precision), fraction(k.Recall), fraction(k.F1),
			delay(k.OnsetP50), delay(k.OnsetP95), delay(k.ClearP50), delay(k.ClearP95), fraction(k.IoU)))
	}
	return rows
}

// confusionRows are the confusion matrix: a row a kind below a header, a column an alarm, and at the end what was missed.
func (r AlarmReport) confusionRows() [][]string {
	var alarms []string
	for _, c := range r.Confusion {
		if c.Alarm != "" {
			alarms = append(alarms, c.Alarm)
		}
	}
	slices.Sort(alarms)
	alarms = slices.Compact(alarms)
	rows, last := [][]string{{"ALARMS DURING"}}, Confusion{}
	for _, a := range alarms {
		rows[0] = append(rows[0], redact.Unseen(a))
	}
	rows[0] = append(rows[0], "(missed)")
	for i, c := range r.Confusion {
		if i == 0 || c.Kind != last.Kind || c.Decoy != last.Decoy {
			name := redact.Unseen(c.Kind)
			switch {
			case c.Decoy:
				name += " (decoy)"
			case name == "":
				name = "(no fault)"
			}
			rows = append(rows, append([]string{name}, slices.Repeat([]string{"0"}, len(alarms)+1)...))
		}
		last = c
		column := len(alarms)
		if c.Alarm != "" {
			column, _ = slices.BinarySearch(alarms, c.Alarm)
		}
		rows[len(rows)-1][1+column] = fmt.Sprint(c.Count)
	}
	return rows
}

func (r AlarmReport) missedRows() (rows [][]string) {
	for _, f := range r.MissedAll {
		rows = append(rows, []string{redact.Unseen(f.Kind + " " + f.ID), fmt.Sprintf("frame %d", f.Frame), fmt.Sprintf("%s s to %s s", f.Time, f.End)})
	}
	return rows
}

func (r AlarmReport) falseRows() (rows [][]string) {
	for _, a := range r.Others {
		if a.Class != FalseAlarm && a.Class != InDecoy {
			continue
		}
		row := []string{redact.Unseen(a.Name), fmt.Sprintf("alarm %d", a.Index+1), fmt.Sprintf("%s s", a.Start)}
		switch {
		case a.Class == InDecoy:
			row = append(row, redact.Unseen("decoy "+a.Fault))
		case a.Fault != "":
			row = append(row, redact.Unseen("during fault "+a.Fault))
		}
		rows = append(rows, row)
	}
	return rows
}

func fraction(v *float64) string {
	if v == nil {
		return undefined
	}
	return share(v)
}

func delay(t *media.Seconds) string {
	if t == nil {
		return undefined
	}
	return length(t)
}
