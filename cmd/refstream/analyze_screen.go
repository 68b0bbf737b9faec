package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/internal/terminal"
)

// Formats of records.
const (
	formatLines = "jsonl"
	formatTable = "table"
)

const (
	// drawEvery is how often the summary is drawn anew, and waiting records are written: often enough to look alive.
	drawEvery = 500 * time.Millisecond
	// screenBuffer holds the records of the time between: a thousand or so.
	screenBuffer = 256 << 10
)

// errScreen is the error of a standard output that takes no more.
var errScreen = errors.New("write records")

// analyzeScreen writes the records of streams to one writer, and to the other what happens to the streams and, if that is a
// terminal, a summary that is drawn again and again. Its methods are safe for concurrent use.
type analyzeScreen struct {
	*terminal.Screen
	mu        sync.Mutex
	out       *bufio.Writer
	table     bool
	urls      []string
	summaries []analyzer.Summary
	line      []byte
}

func newAnalyzeScreen(format string, urls []string, stdout, stderr io.Writer) *analyzeScreen {
	s := &analyzeScreen{
		Screen: terminal.NewScreen(stderr, time.Now), out: bufio.NewWriterSize(stdout, screenBuffer), table: format == formatTable,
		urls: urls, summaries: make([]analyzer.Summary, len(urls)),
	}
	if s.table {
		fmt.Fprintln(s.out, tableHead(len(urls) > 1))
	}
	return s
}

// run draws until end is closed.
func (s *analyzeScreen) run(end <-chan struct{}) {
	tick := time.NewTicker(drawEvery)
	defer tick.Stop()
	for {
		select {
		case <-end:
			return
		case <-tick.C:
			s.mu.Lock()
			s.flush()
			if s.Terminal != nil {
				s.Show(s.lines()...)
			}
			s.mu.Unlock()
		}
	}
}

// flush writes the records that wait, which may go to the same terminal.
func (s *analyzeScreen) flush() {
	if s.out.Buffered() > 0 {
		s.Clear()
		_ = s.out.Flush() // the next record gives its error again
	}
}

func (s *analyzeScreen) record(i int, r analyzer.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.summaries[i].AddRecord(r)
	if s.table {
		s.line = appendRow(s.line[:0], i, len(s.urls) > 1, r)
	} else {
		s.line = r.AppendJSON(s.line[:0])
	}
	s.line = append(s.line, '\n')
	if s.out.Available() < len(s.line) {
		s.Clear()
	}
	if _, err := s.out.Write(s.line); err != nil {
		return fmt.Errorf("%w: %w", errScreen, err)
	}
	return nil
}

func (s *analyzeScreen) unit(i int, u analyzer.Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.summaries[i].AddUnit(u)
}

func (s *analyzeScreen) note(i int, n analyzer.Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.summaries[i].AddNote(n)
	fmt.Fprintf(s, "%s: %s\n", s.urls[i], n)
}

// empty is an error where nothing of a stream was read.
func (s *analyzeScreen) empty(i int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.summaries[i]; one.Units == 0 && one.Records == 0 {
		return errors.New("nothing in it could be read: it holds no H.264 or HEVC, and states no time")
	}
	return nil
}

// finish writes what is left, and the summary.
func (s *analyzeScreen) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Clear()
	_ = s.out.Flush()
	for _, line := range s.lines() {
		fmt.Fprintln(s, line)
	}
}

// lines is the summary.
func (s *analyzeScreen) lines() []string {
	var out []string
	for i := range s.summaries {
		out = append(out, summaryLines(s.urls[i], &s.summaries[i])...)
	}
	return out
}

// tableFormat is the columns of a record: time in the stream, source, unit, frame, timecode, wall clock, and the rest.
const tableFormat = "%-14s %-21s %8s %10s %-12s %-30s %s"

// maxBehind is the delay from which on a stream is not live, and its delay of no interest.
const maxBehind = 24 * time.Hour

// tableHead is the head of the table, with a column for the stream's number where there are several.
func tableHead(several bool) string {
	head := fmt.Sprintf(tableFormat, "STREAM TIME", "SOURCE", "UNIT", "FRAME", "TIMECODE", "UTC", "DATA")
	if several {
		head = "   # " + head
	}
	return head
}

// appendRow appends the row of a record of stream i.
func appendRow(b []byte, i int, several bool, r analyzer.Record) []byte {
	at, unit, frame, utc, timecode := "-", "-", "-", "-", cmp.Or(r.Timecode, "-")
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
	out := []string{fmt.Sprintf("%s [%s]: %s", url, cmp.Or(s.State, "waiting"), strings.Join(parts, ", "))}
	for _, c := range s.Clocks() {
		line := fmt.Sprintf("  %-21s against PTS: %+.3f ms in %v", c.Clock, float64(c.Gained)/1e6, c.Since.Round(time.Millisecond))
		if c.Since >= time.Second {
			line += fmt.Sprintf(", %+.1f ppm", c.PPM())
		}
		if c.HasUTC && c.Behind.Abs() < maxBehind {
			line += fmt.Sprintf("; %v behind the wall clock", c.Behind.Round(time.Millisecond))
		}
		out = append(out, line)
	}
	return out
}
