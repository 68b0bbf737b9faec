package quietlog

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// quiet is a log with a burst of 3, a clock that is moved by hand, and the lines since it was asked last.
func quiet(level slog.Level) (log *slog.Logger, h *Handler, pass func(time.Duration), lines func() []string) {
	var b bytes.Buffer
	now := time.Unix(0, 0)
	h = New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level}), Options{Burst: 3, Quiet: time.Minute, Now: func() time.Time { return now }})
	return slog.New(h), h, func(d time.Duration) { now = now.Add(d) }, func() []string {
		defer b.Reset()
		return strings.FieldsFunc(b.String(), func(r rune) bool { return r == '\n' })
	}
}

// TestHandler has the same line come a thousand times: it is written a few times, then with the number of those left out.
func TestHandler(t *testing.T) {
	log, h, pass, lines := quiet(slog.LevelInfo)
	for range 1000 {
		log.Warn("segment is missing", "msn", 5)
	}
	if got := lines(); len(got) != 3 {
		t.Errorf("%d lines at once", len(got))
	}
	log.Error("segment is missing")
	log.Warn("something else")
	if got := lines(); len(got) != 2 {
		t.Errorf("another level and another message: %q", got)
	}
	pass(time.Minute)
	log.With("channel", "main").WithGroup("g").Warn("segment is missing", "msn", 6)
	if got := lines(); len(got) != 1 || !strings.Contains(got[0], "channel=main") || !strings.Contains(got[0], "more_since=997") {
		t.Errorf("a minute later: %q", got)
	}
	log.Warn("segment is missing")
	h.Flush()
	h.Flush()
	if got := lines(); len(got) != 1 || !strings.Contains(got[0], `level=WARN msg="segment is missing" more_since=1`) {
		t.Errorf("at the end: %q", got)
	}
	pass(Calm * time.Minute)
	for range 10 {
		log.Warn("segment is missing")
	}
	if got := lines(); len(got) != 3 || strings.Contains(got[0], "more_since") {
		t.Errorf("after a calm: %q", got)
	}
}

// TestHandlerIsBounded has lines with messages that are all different, as those with text of somebody else's.
func TestHandlerIsBounded(t *testing.T) {
	log, _, _, lines := quiet(slog.LevelInfo)
	for n := range 1000 {
		log.Warn(fmt.Sprintf("segment %d is missing", n))
	}
	if got := lines(); len(got) != 3 {
		t.Errorf("%d lines with numbers", len(got))
	}
	for n := range 5000 {
		log.Warn(strings.Repeat("x", n))
	}
	if got := lines(); len(got) > 3*(maxSorts+1) {
		t.Errorf("%d lines of all sorts", len(got))
	}
}

// TestDebugIsWhole leaves no line of the level out that is for whoever looks for something.
func TestDebugIsWhole(t *testing.T) {
	log, _, _, lines := quiet(slog.LevelDebug)
	for range 100 {
		log.Debug("request")
	}
	if got := lines(); len(got) != 100 {
		t.Errorf("%d lines", len(got))
	}
	log, _, _, lines = quiet(slog.LevelInfo)
	log.Debug("request")
	if got := lines(); len(got) != 0 {
		t.Errorf("debug lines are not asked for: %q", got)
	}
}
