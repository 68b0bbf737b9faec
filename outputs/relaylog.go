package outputs

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/refstream/refstream/internal/ffmpeg"
)

const (
	// relayTail is how many of the last lines of ffmpeg go into an error: its own message and the few before that explain it.
	relayTail = 6
	// relayLogged is how many lines of one run are logged in full.
	relayLogged = 100
)

// relaySaid logs what the runs of a relay's ffmpeg say, without secrets.
type relaySaid struct {
	hide func(string) string
	log  *slog.Logger
	// before and now are lines of the run before and of this one: what is said again is told no more.
	before, now []string
}

// lines takes those of a run. ending tells that ffmpeg is being ended from here: what it complains of from then on is our
// doing.
func (s *relaySaid) lines(ending func() bool) *ffmpeg.Lines {
	s.before, s.now = s.now, nil
	return &ffmpeg.Lines{Tail: relayTail, Full: relayLogged, Edit: s.edit, Say: func(line string, n int) {
		level := slog.LevelWarn
		switch {
		case ending(), slices.Contains(s.before, line):
			level = slog.LevelDebug
		case ffmpeg.IsError(line):
			level = slog.LevelError
		}
		if len(s.now) < relayLogged {
			s.now = append(s.now, line)
		}
		if n > relayLogged {
			line = fmt.Sprintf("%s (line %d: of so many only few are logged)", line, n)
		}
		s.log.Log(context.Background(), level, line, "source", "ffmpeg")
	}}
}

// edit makes a line one that can be shown, and the same one in each run: the name before it, "[srt @ 0x55cc7a16b880] ", holds
// an address in memory.
func (s *relaySaid) edit(line string) string {
	cut := len(line) == ffmpeg.MaxLine
	if name, rest, ok := strings.Cut(line, " @ 0x"); ok && strings.HasPrefix(name, "[") {
		if _, rest, ok := strings.Cut(rest, "]"); ok {
			line = name + "]" + rest
		}
	}
	line = s.hide(line)
	if cut { // a secret that was cut in the middle would not be found
		line = line[:strings.LastIndexByte(line, ' ')+1] + "…"
	}
	return line
}
