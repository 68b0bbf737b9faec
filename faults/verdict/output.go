package verdict

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/refstream/refstream/internal/junit"
	"github.com/refstream/refstream/internal/redact"
)

// Headline describes the results in a line.
func Headline(list []Result) string {
	names := map[State]string{
		Confirmed: "confirmed", NotSeen: "NOT SEEN", NotObservable: "not observable here", NotDone: "not done", Decoy: "decoys",
	}
	var parts []string
	for _, s := range []State{Confirmed, NotSeen, NotObservable, NotDone, Decoy} {
		if n := Count(list, s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, names[s]))
		}
	}
	return fmt.Sprintf("%d labelled: %s", len(list), strings.Join(parts, ", "))
}

// Rows are the results as a table, with a header.
func Rows(list []Result) [][]string {
	rows := [][]string{{"FAULT", "KIND", "FRAMES", "STATE", "FOUND"}}
	for _, r := range list {
		var found []string
		for _, f := range r.Findings {
			text := f.Finding
			if f.Clock != "" {
				text += " of " + f.Clock
			}
			if f.Class == Collateral {
				text += " (collateral)"
			}
			found = append(found, fmt.Sprintf("%s: %d", text, f.Count))
		}
		if r.Reason != "" {
			found = append(found, r.Reason)
		}
		rows = append(rows, []string{redact.Unseen(r.ID), redact.Unseen(r.Kind), fmt.Sprintf("%d-%d", r.Frame, r.LastFrame), string(r.State), redact.Unseen(strings.Join(found, "; "))})
	}
	return rows
}

// WriteTable writes the results for people to read on a terminal; nothing where there are none.
func WriteTable(w io.Writer, list []Result) error {
	if len(list) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) // two spaces between the columns
	fmt.Fprintf(t, "\nFaults: %s\n\f", Headline(list))
	for _, row := range Rows(list) {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// Cases are a test case for each fault that was done: it fails where the fault was not seen.
func Cases(class string, list []Result) (cases []junit.Case) {
	for _, r := range list {
		c := junit.Case{Class: class, Name: "fault " + r.ID + " (" + r.Kind + ")"}
		switch r.State {
		case NotDone:
			continue
		case NotSeen:
			message := fmt.Sprintf("nothing was found of it from frame %d to %d", r.Frame, r.LastFrame)
			c.Failure = &junit.Failure{Message: message, Type: string(NotSeen)}
		case NotObservable:
			c.Out = "not observable: " + r.Reason
		}
		cases = append(cases, c)
	}
	return cases
}
