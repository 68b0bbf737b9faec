package ffmpeg

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"lines":     {"one\ntwo\n", "one | two"},
		"begun":     {"one\ntw", "one | tw"},
		"empty":     {"\n \r\none\r\n\n", "one"},
		"many":      {strings.Repeat("x\n", 20) + "end", "x | x | x | x | x | x | x | end"},
		"long line": {strings.Repeat("y", 5000) + "\nend\n", strings.Repeat("y", MaxLine) + " | end"},
		"left out":  {"one\nsecret\ntwo", "one | two"},
	} {
		t.Run(name, func(t *testing.T) {
			l := Lines{Tail: 8, Edit: func(line string) string { return strings.TrimPrefix(line, "secret") }}
			for b := range slices.Chunk([]byte(tt.text), 7) {
				if n, err := l.Write(b); n != len(b) || err != nil {
					t.Fatal(n, err)
				}
			}
			if got := l.Last(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestLinesSaid has few of many lines logged.
func TestLinesSaid(t *testing.T) {
	var said []int
	l := Lines{Tail: 1, Full: 5, Say: func(line string, n int) {
		if line != fmt.Sprint("line ", n) {
			t.Errorf("line %d is %q", n, line)
		}
		said = append(said, n)
	}}
	for n := 1; n <= 33; n++ {
		fmt.Fprintln(&l, "line", n)
	}
	if want := []int{1, 2, 3, 4, 5, 8, 16, 32}; !slices.Equal(said, want) {
		t.Errorf("said %v, want %v", said, want)
	}
}
