package live

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

const (
	// relayTail is how many of the last lines of ffmpeg go into an error: its own message and the few before that explain it.
	relayTail = 6
	// relayLogged is how many lines of one run are logged in full. Of the rest, the 128th, 256th and so on show that it
	// goes on.
	relayLogged = 100
	// relayLine bounds a line that doesn't end.
	relayLine = 1024
)

// relayLog takes what ffmpeg writes to its standard error, logs it line by line without secrets, and keeps the last lines.
type relayLog struct {
	log    *slog.Logger
	redact func(string) string
	// ending tells that ffmpeg is being ended from here: what it complains of from then on is our doing.
	ending func() bool
	// before are the last lines of the run before this one: what it says again is told no more.
	before []string
	line   []byte // begun
	tail   []string
	said   int // lines
}

// Write never fails.
func (l *relayLog) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part, rest, ended := bytes.Cut(b, []byte{'\n'})
		l.line = append(l.line, part[:min(len(part), relayLine-len(l.line))]...)
		if ended {
			l.flush()
		}
		b = rest
	}
	return n, nil
}

// flush ends the line begun.
func (l *relayLog) flush() {
	// A secret that the bound has cut off in the middle would not be found any more.
	cut := len(l.line) == relayLine
	line := l.redact(withoutAddress(strings.TrimSpace(strings.ToValidUTF8(string(l.line), "?"))))
	if cut {
		line = line[:strings.LastIndexAny(line, " ")+1] + "…"
	}
	l.line = l.line[:0]
	if line == "" {
		return
	}
	if len(l.tail) == relayTail {
		l.tail = append(l.tail[:0], l.tail[1:]...)
	}
	l.tail = append(l.tail, line)
	if l.said++; l.said > relayLogged && l.said&(l.said-1) != 0 {
		return
	}
	if l.said > relayLogged {
		line = fmt.Sprintf("%s (line %d: of so many only few are logged)", line, l.said)
	}
	level := slog.LevelWarn
	for _, mark := range []string{"[error]", "[fatal]", "[panic]"} { // from -loglevel level+...
		if strings.Contains(line, mark) {
			level = slog.LevelError
		}
	}
	if l.ending() || slices.Contains(l.before, line) {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, line, "source", "ffmpeg")
}

// last is the last lines in one. It is asked when ffmpeg has ended.
func (l *relayLog) last() string {
	l.flush()
	if len(l.tail) == 0 {
		return "it said nothing"
	}
	return strings.Join(l.tail, " | ")
}

// withoutAddress takes the memory address out of the name before a line, "[srt @ 0x55cc7a16b880] ", which is another one
// with each run: the same cause must read the same.
func withoutAddress(line string) string {
	name, rest, ok := strings.Cut(line, " @ 0x")
	if !ok || !strings.HasPrefix(name, "[") {
		return line
	}
	_, rest, ok = strings.Cut(rest, "]")
	if !ok {
		return line
	}
	return name + "]" + rest
}
