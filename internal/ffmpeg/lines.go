// Package ffmpeg is what those who run ffmpeg have in common: how they read what it writes to its standard error.
package ffmpeg

import (
	"bytes"
	"strings"
)

// MaxLine bounds a line that doesn't end, in bytes.
const MaxLine = 1024

// Lines takes what a process writes to its standard error, line by line, and keeps the last lines.
type Lines struct {
	// Tail is how many lines are kept.
	Tail int
	// Say logs line n, counted from 1: all up to Full, and of the rest those whose number is a power of two, which show that
	// it goes on. It may be nil.
	Say  func(line string, n int)
	Full int
	// Edit, if any, changes a line before all else; one that becomes empty is left out. One of MaxLine bytes may have been cut.
	Edit func(line string) string

	line []byte // begun
	tail []string
	said int
}

// Write never fails.
func (l *Lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		l.line = append(l.line, part[:min(len(part), MaxLine-len(l.line))]...)
		if ended {
			l.flush()
		}
		b = rest
	}
	return n, nil
}

// flush ends the line begun.
func (l *Lines) flush() {
	line := strings.ToValidUTF8(string(l.line), "?")
	l.line = l.line[:0]
	if l.Edit != nil {
		line = l.Edit(line)
	}
	if line = strings.TrimSpace(line); line == "" {
		return
	}
	if len(l.tail) == l.Tail {
		l.tail = append(l.tail[:0], l.tail[1:]...)
	}
	l.tail = append(l.tail, line)
	if l.said++; l.Say != nil && (l.said <= l.Full || l.said&(l.said-1) == 0) {
		l.Say(line, l.said)
	}
}

// Last is the last lines in one, empty where nothing was said. It ends the line begun.
func (l *Lines) Last() string {
	l.flush()
	return strings.Join(l.tail, " | ")
}

// Addition is [Lines.Last] as an addition to an error: empty, or after a colon.
func (l *Lines) Addition() string {
	if said := l.Last(); said != "" {
		return ": " + said
	}
	return ""
}
