package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// lineScreen shows how far something is: a line that is drawn over and over on a terminal, and elsewhere printed now and then
// where it has changed. Logs are written above it. In the background nothing is shown: others write there. It is safe for
// concurrent use.
type lineScreen struct {
	mu       sync.Mutex
	out      io.Writer
	terminal *os.File // nil where out is none
	drawn    string   // the line on the terminal, empty for none
	line     string
	printed  string // the last one that was printed, and when
	at       time.Time
}

func newLineScreen(out io.Writer) *lineScreen {
	return &lineScreen{out: out, at: time.Now(), terminal: terminal(out)}
}

// show shows the present state.
func (s *lineScreen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = line
	if s.terminal != nil {
		s.draw()
		return
	}
	if now := time.Now(); now.Sub(s.at) >= lineEvery && line != s.printed {
		s.at, s.printed = now, line
		fmt.Fprintln(s.out, line)
	}
}

// draw draws the line in place of the last one, cut to the terminal.
func (s *lineScreen) draw() {
	if !foreground(s.terminal) {
		s.drawn = "" // the shell has written its prompt there
		return
	}
	line := s.line
	if width, _, err := term.GetSize(int(s.terminal.Fd())); err == nil && width > 1 && len(line) >= width {
		line = line[:width-1]
	}
	if line == s.drawn {
		return
	}
	fmt.Fprintf(s.out, "\r%s\x1b[K", line)
	s.drawn = line
}

func (s *lineScreen) erase() {
	if s.drawn != "" && foreground(s.terminal) {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
	s.drawn = ""
}

// finish leaves the terminal as it was.
func (s *lineScreen) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

// log is a writer for logs, which are written above the line.
func (s *lineScreen) log() io.Writer { return aboveLine{s} }

type aboveLine struct{ *lineScreen }

func (l aboveLine) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	drawn := l.drawn != ""
	l.erase()
	n, err := l.out.Write(b)
	if drawn && bytes.HasSuffix(b, []byte("\n")) {
		l.draw()
	}
	return n, err
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

// lineEvery is how often progress is printed where it can't be drawn: seldom enough for a log.
const lineEvery = 5 * time.Second

// progress shows how far a generation is: a bar with the time to go on a terminal, plain lines elsewhere.
type progress struct {
	out         io.Writer
	total, done int64
	bar         *progressbar.ProgressBar
	began, last time.Time // the start, and when a line was printed last
}

func newProgress(out io.Writer, total int64) *progress {
	p := &progress{out: out, total: total, began: time.Now(), last: time.Now()}
	if terminal(out) != nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(out), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("frames"), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
	}
	return p
}

func (p *progress) update(done int64) {
	p.done = done
	if p.bar != nil {
		_ = p.bar.Set64(done) // a terminal that takes no more output is no reason to stop
		return
	}
	if now := time.Now(); now.Sub(p.last) >= lineEvery {
		p.last = now
		left := time.Duration(float64(now.Sub(p.began)) * float64(p.total-done) / float64(done))
		fmt.Fprintf(p.out, "%d of %d frames, %.0f frames/s, %v to go\n",
			done, p.total, float64(done)/now.Sub(p.began).Seconds(), left.Round(time.Second))
	}
}

// stop ends the display where it is.
func (p *progress) stop() {
	if p.bar != nil && p.done > 0 {
		_ = p.bar.Exit()
		fmt.Fprintln(p.out)
	}
}

// finish ends the display and sums up.
func (p *progress) finish(markers int64) {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	took := time.Since(p.began)
	fmt.Fprintf(p.out, "%d frames and %d markers in %v, %.0f frames/s\n",
		p.done, markers, took.Round(10*time.Millisecond), float64(p.done)/took.Seconds())
}
