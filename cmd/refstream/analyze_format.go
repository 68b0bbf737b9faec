package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
)

// tableFormat is the columns of a record: time in the stream, source, unit, frame, timecode, wall clock, and the rest.
const tableFormat = "%-14s %-21s %8s %10s %-12s %-30s %s"

// maxBehind is the delay from which on a stream is not live, and its delay of no interest.
const maxBehind = 24 * time.Hour

// tableHead is the head of the table. A number tells the streams apart where there are several.
func tableHead(several bool) string {
	head := fmt.Sprintf(tableFormat, "STREAM TIME", "SOURCE", "UNIT", "FRAME", "TIMECODE", "UTC", "DATA")
	if several {
		head = "   # " + head
	}
	return head
}

// appendRow appends the row of a record of stream i.
func appendRow(b []byte, i int, several bool, r analyzer.Record) []byte {
	at, unit, frame, utc := "-", "-", "-", "-"
	if r.StreamTime != nil {
		at = r.StreamTime.String()
	}
	if r.Unit >= 0 {
		unit = strconv.FormatInt(r.Unit, 10)
	}
	if r.Frame != nil {
		frame = strconv.FormatInt(*r.Frame, 10)
	}
	if r.UTC != nil {
		utc = r.UTC.Format(time.RFC3339Nano)
	}
	timecode := r.Timecode
	if timecode == "" {
		timecode = "-"
	}
	if several {
		b = fmt.Appendf(b, "%4d ", i+1)
	}
	return fmt.Appendf(b, tableFormat, at, string(r.Source), unit, frame, timecode, utc, r.Extra)
}

// summaryLines is what is worth knowing about a stream: a line for it, and one for each clock.
func summaryLines(url string, s *analyzer.Summary) []string {
	parts := []string{
		fmt.Sprintf("%d units", s.Units), fmt.Sprintf("%d records", s.Records),
		fmt.Sprintf("%.2f frames/s", s.FrameRate()), fmt.Sprintf("at %s s", s.Position),
	}
	if s.Timecode != "" {
		parts = append(parts, "timecode "+s.Timecode)
	}
	if s.Frame != nil {
		parts = append(parts, fmt.Sprintf("frame %d", *s.Frame))
	}
	if s.Trouble > 0 {
		parts = append(parts, fmt.Sprintf("%d × trouble", s.Trouble))
	}
	state := "waiting"
	if s.State != "" {
		state = string(s.State)
	}
	out := []string{fmt.Sprintf("%s [%s]: %s", url, state, strings.Join(parts, ", "))}
	for _, c := range s.Clocks() {
		line := fmt.Sprintf("  %-21s against PTS: %+.3f ms in %v", c.Clock, float64(c.Gained)/1e6, c.Since.Round(time.Millisecond))
		if ppm := c.PPM(); c.Since >= time.Second {
			line += fmt.Sprintf(", %+.1f ppm", ppm)
		}
		if c.HasUTC && c.Behind.Abs() < maxBehind {
			line += fmt.Sprintf("; %v behind the wall clock", c.Behind.Round(time.Millisecond))
		}
		out = append(out, line)
	}
	return out
}
