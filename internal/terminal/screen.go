// Package terminal shows progress: lines at the bottom of a terminal that are drawn again and again, below what is printed.
package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// printEvery is how often progress is printed where it can't be drawn: seldom enough for a log.
const printEvery = 5 * time.Second

// File is w if that is a terminal, else nil.
func File(w io.Writer) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// Screen shows how far something is: lines that are drawn on a terminal, and elsewhere printed now and then if they have changed.
// What is written to it, such as logs, is above the lines. In the background nothing is drawn: other programs write there. It is
// safe for concurrent use.
type Screen struct {
	// Terminal is the terminal that is written to, nil where there is none.
	Terminal *os.File
	out      io.Writer
	now      func() time.Time

	mu      sync.Mutex
	lines   []string  // shown last
	drawn   int       // how many of them are on the terminal
	printed time.Time // when lines were printed, or the start
}

// NewScreen makes a Screen; now is the clock.
func NewScreen(out io.Writer, now func() time.Time) *Screen {
	return &Screen{Terminal: File(out), out: out, now: now, printed: now()}
}

// Show shows lines in place of those before.
func (s *Screen) Show(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := !slices.Equal(lines, s.lines)
	switch {
	case s.Terminal != nil && (changed || s.drawn == 0):
		s.erase()
		s.lines = lines
		s.draw()
	case s.Terminal == nil && changed && s.now().Sub(s.printed) >= printEvery:
		s.lines, s.printed = lines, s.now()
		fmt.Fprintln(s.out, strings.Join(lines, "\n"))
	}
}

// Write writes a text above the lines.
func (s *Screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	drawn := s.drawn > 0
	s.erase()
	n, err := s.out.Write(text)
	if drawn && bytes.HasSuffix(text, []byte("\n")) {
		s.draw()
	}
	return n, err
}

// Clear takes the lines off the terminal.
func (s *Screen) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

func (s *Screen) draw() {
	if !foreground(s.Terminal) {
		return
	}
	width, _, err := term.GetSize(int(s.Terminal.Fd()))
	for _, line := range s.lines {
		if err == nil && width > 1 && len(line) >= width { // a line that wraps could not be erased
			line = line[:width-1]
		}
		fmt.Fprintln(s.out, line)
	}
	s.drawn = len(s.lines)
}

func (s *Screen) erase() {
	if s.drawn > 0 && foreground(s.Terminal) { // else the shell has written its prompt there
		fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", s.drawn) // up so many lines, and clear to the end of the screen
	}
	s.drawn = 0
}
