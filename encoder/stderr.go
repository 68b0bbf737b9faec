package encoder

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/refstream/refstream/internal/ffmpeg"
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
)

// newLines logs what ffmpeg says. ending tells that ffmpeg is being ended from here: what it complains of from then on is
// our doing.
func newLines(log *slog.Logger, ending func() bool) *ffmpeg.Lines {
	return &ffmpeg.Lines{Tail: tailLines, Full: maxLogged, Edit: withoutQueueFull, Say: func(line string, n int) {
		if n > maxLogged {
			line = fmt.Sprintf("%s (line %d: of so many only few are logged)", line, n)
		}
		level := slog.LevelWarn
		switch {
		case ending():
			level = slog.LevelDebug
		case ffmpeg.IsError(line):
			level = slog.LevelError
		}
		log.Log(context.Background(), level, line, "source", "ffmpeg")
	}}
}

func withoutQueueFull(line string) string {
	if strings.Contains(line, queueFull) {
		return ""
	}
	return line
}

// lastLines is the last lines of a whole text.
func lastLines(text string) string {
	l := ffmpeg.Lines{Tail: tailLines, Edit: withoutQueueFull}
	_, _ = l.Write([]byte(text)) // it never fails
	return l.Last()
}
