package verify

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
)

// detected lists what Detect finds.
func detected(t *testing.T, url string) (list []Detected) {
	t.Helper()
	err := Detect(t.Context(), url, DetectOptions{}, func(d Detected) error {
		list = append(list, d)
		return nil
	})
	if err != nil {
		t.Errorf("detect %s: %v", url, err)
	}
	return list
}

// Every event is found in the pixels of every carrier, and none else, at the frames and times that are true; within a frame
// where a transcoder has left frames out and begun the time stamps anew.
func TestDetect(t *testing.T) {
	c := newClip(t)
	slow := filepath.Join(t.TempDir(), "25.mp4")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", c.paths["ts"], "-r", "25", "-vf", "scale=-2:240",
		"-c:v", "libx264", "-preset", "ultrafast", slow).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	clock := verifytest.Channel().Clock()
	for carrier, path := range map[string]string{"hls": c.paths["hls"], "ts": c.paths["ts"], "flv": c.paths["flv"], "25 frames/s": slow} {
		list := detected(t, path)
		if len(list) != len(c.truth.Markers) || len(list) == 0 {
			t.Errorf("%s: found %+v, want %d events", carrier, list, len(c.truth.Markers))
			continue
		}
		for i, m := range c.truth.Markers {
			d, slack := list[i], int64(0)
			if path == slow {
				slack = 1
			}
			if max(d.Frame-m.Frame, m.Frame-d.Frame, d.LastFrame-m.LastFrame, m.LastFrame-d.LastFrame) > slack {
				t.Errorf("%s: frames %d to %d, want %d to %d", carrier, d.Frame, d.LastFrame, m.Frame, m.LastFrame)
			}
			const millisecond = 90 // FLV has no finer time
			if off := *d.PTS - clock.PTS(m.Frame); path != slow && max(off, -off) > millisecond {
				t.Errorf("%s: PTS %d, want %d", carrier, *d.PTS, clock.PTS(m.Frame))
			}
		}
	}
}

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

func TestDetectErrors(t *testing.T) {
	c, none := newClip(t), func(Detected) error { return nil }
	failed := errors.New("the reader is full")
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"no such file":    Detect(t.Context(), filepath.Join(t.TempDir(), "none.ts"), DetectOptions{}, none),
		"no stream":       Detect(t.Context(), "detect_test.go", DetectOptions{}, none),
		"no program":      Detect(t.Context(), c.paths["ts"], DetectOptions{FFmpeg: "no-such-ffmpeg"}, none),
		"nobody takes it": Detect(t.Context(), c.paths["ts"], DetectOptions{}, func(Detected) error { return failed }),
		"interrupted":     Detect(interrupted, c.paths["ts"], DetectOptions{}, none),
	} {
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case name == "nobody takes it" && !errors.Is(err, failed), name == "interrupted" && !errors.Is(err, context.Canceled):
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Detect(t.Context(), c.paths["ts"], DetectOptions{Duration: time.Hour}, none); err != nil {
		t.Errorf("a file that ends before the time is over: %v", err)
	}
}
