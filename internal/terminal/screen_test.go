package terminal

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// Where there is no terminal, lines are printed now and then, and only if they have changed.
func TestScreenWithoutTerminal(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	s := NewScreen(&out, func() time.Time { return now })
	for i, step := range []struct {
		after time.Duration
		line  string
	}{{0, "a"}, {printEvery, "b"}, {printEvery, "b"}, {time.Second, "c"}, {printEvery, "d"}} {
		now = now.Add(step.after)
		s.Show(step.line)
		if i == 1 {
			fmt.Fprintln(s, "log")
		}
	}
	s.Clear()
	if got, want := out.String(), "b\nlog\nc\nd\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
