// Package report is what verify finds out about a stream: findings of all kinds, clocks, and which findings are allowed. It
// writes them as a table, a page, JSON and JUnit XML.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/markers"
)

// Verdict says whether a stream is true.
type Verdict string

// The verdicts.
const (
	True    Verdict = "true"
	NotTrue Verdict = "not true"
	Unknown Verdict = "unknown"
)

// Report says whether a stream is true, and in what it is not.
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

	// Markers are those of the stretch, for plots.
	Markers []markers.Marker `json:"-"`
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

// Exit codes of commands that verify.
const (
	ExitTrue    = 0
	ExitNotTrue = 1
	ExitUnknown = 2
)

// ExitCode is what a command ends with.
func (r *Report) ExitCode() int {
	switch r.Verdict {
	case True:
		return ExitTrue
	case NotTrue:
		return ExitNotTrue
	}
	return ExitUnknown
}

// Judge comes to the verdict, and leaves of very many places the first. What is allowed for is no reason against a stream.
func (r *Report) Judge(allow []Allowance) {
	r.Verdict = True
	for i, f := range r.Findings {
		r.Findings[i].Places = f.Places[:min(len(f.Places), MaxPlaces)]
		if r.Findings[i].Allowed = slices.ContainsFunc(allow, func(a Allowance) bool { return a.allows(f) }); !r.Findings[i].Allowed {
			r.Verdict = NotTrue
		}
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
