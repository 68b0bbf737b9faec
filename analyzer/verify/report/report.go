// Package report is what verify finds out about a stream: findings of all kinds, clocks, and which findings are allowed. It
// writes them as a table, a page, JSON and JUnit XML.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Verdict is whether a stream is true.
type Verdict string

// The verdicts.
const (
	True    Verdict = "true"
	NotTrue Verdict = "not true"
	Unknown Verdict = "unknown"
)

// Report is whether a stream is true, and in what it is not.
type Report struct {
	Verdict Verdict `json:"verdict"`
	// Notes say what is not known, and why.
	Notes []string `json:"notes,omitempty"`
	// Input is the stream as it was named, At when it had been verified.
	Input  string            `json:"input"`
	At     time.Time         `json:"at"`
	Kind   input.Kind        `json:"kind"`
	Stream pixels.StreamInfo `json:"stream"`
	// Channel is what the stream should be.
	Channel markers.Channel `json:"channel"`
	// Pictures is how many were decoded, Readable how many of them have a frame code that can be read.
	Pictures int `json:"pictures"`
	Readable int `json:"readable"`
	// FirstFrame and LastFrame are the frames that they begin and end with.
	FirstFrame *int64 `json:"first_frame"`
	LastFrame  *int64 `json:"last_frame"`

	Findings []Finding    `json:"findings"`
	Clocks   []Clock      `json:"clocks"`
	Events   EventSummary `json:"events"`
	// Sound is what was read of the sound; nil where the channel has none, or it could not be read: then a finding or note says so.
	Sound *SoundSummary `json:"sound,omitempty"`
	// Faults are the labelled faults in the stretch; then Findings are those that none of them explains.
	Faults []verdict.Result `json:"faults,omitempty"`

	// Markers are those of the stretch, for plots.
	Markers []markers.Marker `json:"-"`
}

// SoundSummary is how the sound meets the pictures.
type SoundSummary struct {
	// Codes is how many sample codes were read next to pictures, Unreadable how many others should be there, whole, and can't be read.
	Codes      int `json:"codes"`
	Unreadable int `json:"unreadable_codes"`
	// Offset is by how much the sound is later than the pictures: the median of all codes. It is nil without any.
	Offset *media.Seconds `json:"offset,omitempty"`
}

// line is the summary in words.
func (s *SoundSummary) line() string {
	if s.Offset == nil {
		return "not measured against the pictures"
	}
	text := fmt.Sprintf("%s, by %s", Late(*s.Offset), Plural(int64(s.Codes), "sample code"))
	if s.Unreadable > 0 {
		text += fmt.Sprintf(", %d can't be read", s.Unreadable)
	}
	return text
}

// Late is how much later sound is than the picture, to 0.1 ms.
func Late(t media.Seconds) string {
	const tenth = media.Seconds(100 * time.Microsecond)
	n, where := (max(t, -t)+tenth/2)/tenth, "after"
	switch {
	case n == 0:
		where = "from"
	case t < 0:
		where = "before"
	}
	return fmt.Sprintf("%d.%d ms %s the picture", n/10, n%10, where)
}

// EventSummary counts the events of the stretch that the stream shows.
type EventSummary struct {
	// Markers are those with a frame in the stream, Seen those of them whose event shows, Exact those that begin and end
	// with the frames that the marker names.
	Markers int `json:"markers"`
	Seen    int `json:"seen"`
	Exact   int `json:"exact"`
	Extra   int `json:"extra"`
}

// Judge sets the verdict, and keeps the first of very many places. Findings that are allowed do not count against a stream.
func (r *Report) Judge(allow []Allowance) {
	r.Verdict = True
	for i, f := range r.Findings {
		r.Findings[i].Places = f.Places[:min(len(f.Places), MaxPlaces)]
		if r.Findings[i].Allowed = slices.ContainsFunc(allow, func(a Allowance) bool { return a.allows(f) }); !r.Findings[i].Allowed {
			r.Verdict = NotTrue
		}
	}
	if verdict.Count(r.Faults, verdict.NotSeen) > 0 {
		r.Verdict = NotTrue
	}
	for _, c := range r.Clocks {
		if c.State == Unchecked {
			r.Notes = append(r.Notes, fmt.Sprintf("%s: the truth does not say when each frame was produced", c.Name))
		}
	}
}

// WriteJSON writes the report as JSON, indented.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

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
	if r.Sound != nil {
		fmt.Fprintf(&b, "\nSound: %s\n", r.Sound.line())
	}
	if err := verdict.WriteTable(&b, r.Faults); err != nil {
		return fmt.Errorf("write report: %w", err)
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
	text := "NOT TRUE"
	notSeen := verdict.Count(r.Faults, verdict.NotSeen)
	if against > 0 || notSeen == 0 {
		text += ", " + Plural(int64(against), "finding")
	}
	if against > 0 && len(r.Faults) > 0 {
		text += " that no labelled fault explains"
	}
	if notSeen > 0 {
		text += fmt.Sprintf(", %s not seen", Plural(int64(notSeen), "labelled fault"))
	}
	switch {
	case r.Verdict == Unknown:
		text = "could not be told"
	case r.Verdict == True && len(r.Findings) > 0:
		text = fmt.Sprintf("true, but for %s that %s allowed", Plural(int64(len(r.Findings)), "finding"), IsAre(int64(len(r.Findings))))
	case r.Verdict == True:
		text = "true"
	}
	if n := verdict.Count(r.Faults, verdict.Confirmed); n > 0 && r.Verdict == True {
		text += fmt.Sprintf(", with %s", Plural(int64(n), "confirmed fault"))
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
