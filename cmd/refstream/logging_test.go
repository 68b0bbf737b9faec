package main

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestLogIsBounded: whatever somebody brings about again and again, the log gets a few lines of it, none of them long, and
// says how many were left out.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	logger, err := newLogger(&b, "info")
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		logger.Warn("request failed", "error", errors.New(strings.Repeat("x", 34_000)))
	}
	endLog(logger)
	if n := strings.Count(b.String(), "\n"); n != logBurst+1 || b.Len() > (logBurst+1)*(maxLogValue+1000) {
		t.Errorf("%d lines of %d bytes", n, b.Len())
	}
	if !strings.Contains(b.String(), "more_since=968") {
		t.Errorf("what was left out is not said: %s", tail(b.String(), 300))
	}
}

// TestNothingSteersTheTerminal: what a server or a file says is shown, escaped where it can't be seen.
func TestNothingSteersTheTerminal(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b[2J\u202ecod.exe\u200b"
	var b bytes.Buffer
	logger, err := newLogger(&b, "info")
	if err != nil {
		t.Fatal(err)
	}
	logger.Warn(evil, "text", evil, "error", errors.New(evil), "remote", evil)
	out, _ := exec.CommandContext(t.Context(), program, "truth", "--"+evil).CombinedOutput()
	for _, text := range []string{b.String(), string(out)} {
		if strings.ContainsAny(text, "\x1b\u202e\u200b") || !strings.Contains(text, `[2J\u202ecod.exe\u200b`) {
			t.Errorf("it shows %q", text)
		}
	}
}
