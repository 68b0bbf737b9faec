package pixels

import (
	"fmt"
	"strings"
	"testing"
)

// Pictures, as NUMBER for one without an event and NUMBER! for one with, - where the code can't be read.
func TestWatcher(t *testing.T) {
	for _, tt := range []struct {
		pictures string
		want     string
	}{
		{"1 2 3! 4! 5! 6", "3-5"},
		{"3! 4! 5 6! 7", "6-6"},               // joined amid an event
		{"1 2! 3!", "2-3 open"},               // ends amid one
		{"1 2 -! -! 5! 6! 7", "3-6"},          // its first numbers are gone
		{"1 3 -! 4! 5! 7", "4-5"},             // and it did not begin before the frame that had none
		{"1 2! 3! -! -! 6", "2-5"},            // its last ones
		{"1 2! - 4! 5", "2-4"},                // a black picture within
		{"- -! -! -", "-1--1"},                // none can be read
		{"10 12! 14! 15! 17! 18 20", "12-17"}, // frames are left out
		{"0! 1! 2", "0-1"},                    // nothing is before it
		{"", ""},
	} {
		var got []string
		w := &watcher{coded: -1, found: func(d Detected) error {
			text := fmt.Sprintf("%d-%d", d.Frame, d.LastFrame)
			if d.Open {
				text += " open"
			}
			got = append(got, text)
			return nil
		}}
		for _, p := range strings.Fields(tt.pictures) {
			text, event := strings.CutSuffix(p, "!")
			n := int64(-1)
			if text != "-" {
				if _, err := fmt.Sscan(text, &n); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.see(n, nil, event); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.end(); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.pictures, got, tt.want)
		}
	}
}
