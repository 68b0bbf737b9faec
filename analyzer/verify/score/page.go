package score

import (
	"bytes"
	_ "embed" // of the page
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/junit"
	"github.com/refstream/refstream/internal/redact"
)

//go:embed page.html
var scorePage string

// section is a table of the page. Head: the first row is a header.
type section struct {
	Title string
	Head  bool
	Rows  [][]string
}

// WriteHTML writes the report as one page that needs no other file. name is that of the list of detections.
func (r Report) WriteHTML(w io.Writer, name string, at time.Time) error {
	return writePage(w, name, at, []section{
		{"Score", false, r.summary()}, {"Missed events", false, r.missedRows()}, {"Spurious detections", false, r.spuriousRows()},
	})
}

// WriteHTML writes the report as one page that needs no other file. name is that of the list of alarms.
func (r AlarmReport) WriteHTML(w io.Writer, name string, at time.Time) error {
	return writePage(w, name, at, []section{
		{"Score", false, r.summary()}, {"Kinds of faults", true, r.kindRows()}, {"Which alarms during which faults", true, r.confusionRows()},
		{"Missed faults", false, r.missedRows()}, {"False alarms", false, r.falseRows()},
	})
}

func writePage(w io.Writer, name string, at time.Time, sections []section) error {
	page := struct {
		Name, When string
		Sections   []section
	}{redact.Unseen(name), at.Format(time.RFC3339), sections}
	t, err := template.New("score").Parse(scorePage)
	if err != nil {
		return fmt.Errorf("read template of score: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return fmt.Errorf("fill in score: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write score: %w", err)
	}
	return nil
}

// WriteJUnit writes the report as JUnit XML: a test case for each event, and one for the spurious detections. name is that of the
// list of detections.
func (r Report) WriteJUnit(w io.Writer, name string, at time.Time) error {
	var cases []junit.Case
	for _, m := range r.Matches {
		cases = append(cases, junit.Case{Name: "event " + m.ID})
	}
	for _, m := range r.MissedMarkers {
		message := fmt.Sprintf("no detection near frame %d (%s s)", m.Frame, m.At)
		cases = append(cases, junit.Case{Name: "event " + m.ID, Failure: &junit.Failure{Message: message, Type: "missed"}})
	}
	return writeJUnit(w, name, at, cases, "no spurious detections", r.spuriousRows())
}

// WriteJUnit writes the report as JUnit XML: a test case for each fault that counts, and one for the false alarms. name is that of
// the list of alarms.
func (r AlarmReport) WriteJUnit(w io.Writer, name string, at time.Time) error {
	var cases []junit.Case
	for _, m := range r.Matches {
		cases = append(cases, junit.Case{Name: "fault " + m.ID + " (" + m.Kind + ")"})
	}
	for _, f := range r.MissedAll {
		message := fmt.Sprintf("no alarm from %s s to %s s", f.Time, f.End)
		cases = append(cases, junit.Case{Name: "fault " + f.ID + " (" + f.Kind + ")", Failure: &junit.Failure{Message: message, Type: "missed"}})
	}
	return writeJUnit(w, name, at, cases, "no false alarms", r.falseRows())
}

// writeJUnit writes a case for each of what was to be found, and one, called right, that fails for what should not have been.
func writeJUnit(w io.Writer, name string, at time.Time, cases []junit.Case, right string, wrong [][]string) error {
	last := junit.Case{Name: right}
	var texts []string
	for _, row := range wrong {
		texts = append(texts, strings.Join(row, ", "))
	}
	if len(texts) > 0 {
		last.Failure = &junit.Failure{Message: strings.Join(texts, "; "), Type: "false"}
	}
	suite := junit.Suite{Name: "refstream score " + name, Time: at, Cases: append(cases, last)}
	for i := range suite.Cases {
		suite.Cases[i].Class = "score"
	}
	if err := suite.Write(w); err != nil {
		return fmt.Errorf("write score: %w", err)
	}
	return nil
}
