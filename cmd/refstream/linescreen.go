package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// lineScreen shows how far something is: a line that is drawn over and over on a terminal, and printed now and then where
// it has changed elsewhere. What is logged stands above it. It is safe for concurrent use.
type lineScreen struct {
	mu    sync.Mutex
	out   io.Writer
	live  bool // out is a terminal
	width int  // of it
	drawn bool
	line  string
	told  string
	at    time.Time
}

func newLineScreen(out io.Writer) *lineScreen {
	s := &lineScreen{out: out, at: time.Now()}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.live = true
		s.width, _, _ = term.GetSize(int(f.Fd()))
	}
	return s
}

// show shows the present state.
func (s *lineScreen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = line
	if s.live {
		s.draw()
		return
	}
	if now := time.Now(); now.Sub(s.at) >= lineEvery && line != s.told {
		s.at, s.told = now, line
		fmt.Fprintln(s.out, line)
	}
}

// draw draws the line in place of the last one, cut to the terminal.
func (s *lineScreen) draw() {
	line := s.line
	if s.width > 1 && len(line) >= s.width {
		line = line[:s.width-1]
	}
	fmt.Fprintf(s.out, "\r\x1b[K%s", line)
	s.drawn = true
}

func (s *lineScreen) erase() {
	if s.drawn {
		fmt.Fprint(s.out, "\r\x1b[K")
		s.drawn = false
	}
}

// finish leaves the terminal as it was.
func (s *lineScreen) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

// log is where to log: above the line.
func (s *lineScreen) log() io.Writer { return aboveLine{s} }

type aboveLine struct{ *lineScreen }

// Write writes whole lines.
func (l aboveLine) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	drawn := l.drawn
	l.erase()
	n, err := l.out.Write(b)
	if drawn && bytes.HasSuffix(b, []byte("\n")) {
		l.draw()
	}
	return n, err
}

// count is a number of things.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// size is a number of bytes in the unit that suits it.
func size(bytes int64) string {
	switch {
	case bytes < 1e3:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1e6:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	case bytes < 1e9:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(bytes)/1e9)
}
