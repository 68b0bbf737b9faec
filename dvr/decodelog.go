package dvr

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
)

const (
	// tailLines of what a process said last go into an error.
	tailLines = 4
	// maxLogged is how many lines of one process are logged in full: a damaged stream makes some for every picture. Of
	// the rest, the 128th, 256th, 512th and so on show that it goes on.
	maxLogged = 100
	// maxLogLine bounds a line that doesn't end.
	maxLogLine = 1024
)

// lineLog takes what a process writes to its standard error, logs it line by line, and keeps the last lines.
type lineLog struct {
	log  *slog.Logger
	line []byte // begun
	tail []string
	said int // lines
}

// Write never fails.
func (l *lineLog) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		l.line = append(l.line, part[:min(len(part), maxLogLine-len(l.line))]...)
		if ended {
			l.flush()
		}
		b = rest
	}
	return n, nil
}

// flush ends the line begun.
func (l *lineLog) flush() {
	line := strings.TrimSpace(string(l.line))
	l.line = l.line[:0]
	if line == "" {
		return
	}
	if len(l.tail) == tailLines {
		l.tail = append(l.tail[:0], l.tail[1:]...)
	}
	l.tail = append(l.tail, line)
	if l.said++; l.said <= maxLogged || l.said&(l.said-1) == 0 {
		l.log.Log(context.Background(), slog.LevelWarn, line, "source", "ffmpeg", "line", l.said)
	}
}

// last is the last lines in one, with what separates them from a text before them; empty where nothing was said.
func (l *lineLog) last() string {
	l.flush()
	if len(l.tail) == 0 {
		return ""
	}
	return ": " + strings.Join(l.tail, " | ")
}
