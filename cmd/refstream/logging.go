package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/quietlog"
)

const (
	// logBurst and logQuiet bound the lines of one sort: a run of errors is seen from its beginning, and whoever can bring one
	// about again and again does not fill the disk.
	logBurst = 32
	logQuiet = 10 * time.Second
	// maxLogValue is how much of one value is logged, in bytes: a stack of a panic is shorter.
	maxLogValue = 8 << 10
)

// newLogger logs what has at least a level: debug, info, warn or error. What can't be seen in a terminal is quoted by slog.
func newLogger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is not a level: use debug, info, warn or error", level)
	}
	text := slog.NewTextHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: cutValue})
	return slog.New(quietlog.New(text, quietlog.Options{Burst: logBurst, Quiet: logQuiet, Now: time.Now})), nil
}

// endLog logs how many lines were left out that no later line accounts for.
func endLog(logger *slog.Logger) {
	if h, ok := logger.Handler().(*quietlog.Handler); ok {
		h.Flush()
	}
}

// cutValue cuts texts that are too long.
func cutValue(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch v := a.Value.Any().(type) {
	case string:
		text = v
	case error:
		text = v.Error()
	}
	if len(text) > maxLogValue {
		a.Value = slog.StringValue(strings.ToValidUTF8(text[:maxLogValue], "") + "…")
	}
	return a
}
