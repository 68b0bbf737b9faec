package encoder

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
)

const (
	// tailLines of what ffmpeg said last go into an error: its own message and the few before that explain it.
	tailLines = 8
	// queueFull is in a warning that ffmpeg gives once when pictures come faster than it encodes them. Here that is how it
	// should be: its input is a pipe, which waits.
	queueFull = "Thread message queue blocking"
	// maxLogged is how many lines of one run are logged in full. A program that goes on complaining has said what is the
	// matter by then; of the rest, the 256th, 512th, 1024th and so on show that it does.
	maxLogged = 200
	// maxLine bounds a line that doesn't end.
	maxLine = 1024
)

// lineLogger takes what ffmpeg writes to its standard error, logs it line by line, and keeps the last lines.
type lineLogger struct {
	log *slog.Logger
	// ending tells that ffmpeg is being ended from here: what it complains of from then on is our doing.
	ending func() bool
	line   []byte // begun
	tail   []string
	said   int // lines
}

// Write never fails.
func (l *lineLogger) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		l.line = append(l.line, part[:min(len(part), maxLine-min(maxLine, len(l.line)))]...)
		if ended {
			l.flush()
		}
		b = rest
	}
	return n, nil
}

// flush ends the line begun.
func (l *lineLogger) flush() {
	line := strings.TrimSpace(string(l.line))
	l.line = l.line[:0]
	if line == "" || strings.Contains(line, queueFull) {
		return
	}
	if len(l.tail) == tailLines {
		l.tail = append(l.tail[:0], l.tail[1:]...)
	}
	l.tail = append(l.tail, line)
	if l.said++; l.said > maxLogged && l.said&(l.said-1) != 0 {
		return
	}
	if l.said > maxLogged {
		line = fmt.Sprintf("%s (line %d: of so many only few are logged)", line, l.said)
	}
	level := slog.LevelWarn
	for _, mark := range []string{"[error]", "[fatal]", "[panic]"} { // from -loglevel level+...
		if strings.Contains(line, mark) {
			level = slog.LevelError
		}
	}
	if l.ending != nil && l.ending() {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, line, "source", "ffmpeg")
}

// last is the last lines in one.
func (l *lineLogger) last() string {
	l.flush()
	return strings.Join(l.tail, " | ")
}

// lastLines is the same of a whole text.
func lastLines(text string) string {
	l := lineLogger{log: slog.New(slog.DiscardHandler)}
	_, _ = l.Write([]byte(text)) // it never fails
	return l.last()
}
