package verify

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/pixels"
)

// detected lists what Detect finds.
func detected(t *testing.T, url string) (list []pixels.Detected) {
	t.Helper()
	err := pixels.Detect(t.Context(), url, pixels.DetectOptions{}, func(d pixels.Detected) error {
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

func TestDetectErrors(t *testing.T) {
	c, none := newClip(t), func(pixels.Detected) error { return nil }
	failed := errors.New("the reader is full")
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range map[string]error{
		"no such file":    pixels.Detect(t.Context(), filepath.Join(t.TempDir(), "none.ts"), pixels.DetectOptions{}, none),
		"no stream":       pixels.Detect(t.Context(), "detect_test.go", pixels.DetectOptions{}, none),
		"no program":      pixels.Detect(t.Context(), c.paths["ts"], pixels.DetectOptions{FFmpeg: "no-such-ffmpeg"}, none),
		"nobody takes it": pixels.Detect(t.Context(), c.paths["ts"], pixels.DetectOptions{}, func(pixels.Detected) error { return failed }),
		"interrupted":     pixels.Detect(interrupted, c.paths["ts"], pixels.DetectOptions{}, none),
	} {
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case name == "nobody takes it" && !errors.Is(err, failed), name == "interrupted" && !errors.Is(err, context.Canceled):
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := pixels.Detect(t.Context(), c.paths["ts"], pixels.DetectOptions{Duration: time.Hour}, none); err != nil {
		t.Errorf("a file that ends before the time is over: %v", err)
	}
}
