package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// health --wait comes back as soon as the server is ready, or with what is wrong when the time is over.
func TestHealthWait(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	if _, errs, code := refstream(t, "health", "--addr", addr, "--wait", "300ms"); code != 1 || !strings.Contains(errs, "ask "+addr) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if _, errs, code := refstream(t, "health", "--wait", "-1s"); code != 1 || !strings.Contains(errs, "--wait: -1s is not") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	s := launch(t, addr, "--size", "160x90", "--data", filepath.Join(t.TempDir(), "data"))
	if out := must(t, "health", "--addr", addr, "--wait", "60s"); out != "ready\n" {
		t.Errorf("it says %q", out)
	}
	if _, err := s.try("/readyz"); err != nil {
		t.Errorf("it was said to be ready: %v", err)
	}
	if out := must(t, "health", "--addr", addr, "-q"); out != "" {
		t.Errorf("-q says %q", out)
	}
}

// A flag that there is not is answered with the one that is meant.
func TestMeantFlags(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"serve --evnt-every 5s":    "did you mean --event-every?",
		"serve --event-evry=5s":    "did you mean --event-every?",
		"generate --dur 5s":        "did you mean --duration?",
		"verify x --trth clip":     "did you mean --truth?",
		"health --nothing-like-it": "see refstream health --help",
		"health -z":                "see refstream health --help",
		"helth":                    "did you mean health?",
	} {
		if _, errs, code := refstream(t, strings.Fields(args)...); code == 0 || !strings.Contains(errs, says) {
			t.Errorf("%s: exit code %d: %s", args, code, errs)
		}
	}
}
