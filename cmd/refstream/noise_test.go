package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
)

// Noise is coded at any bit rate: the frame code is read in every frame, verify finds every event where its marker says, and
// the bytes are the same again.
func TestNoisyClips(t *testing.T) {
	for _, c := range []struct {
		size, bitrate string
		noise         int
		more          string
	}{
		{"320x180", "300k", 64, "--block 32 --roll -4"},
		{"1280x720", "8M", 16, "--block 48 --duration 10s"}, {"1280x720", "300k", 64, ""},
		{"320x180", "300k", 0, "--roll 8"}, {"320x180", "300k", 4, ""}, {"320x180", "300k", 16, ""},
		{"320x180", "20M", 4, ""}, {"320x180", "20M", 64, ""},
		{"1280x720", "300k", 4, ""}, {"1280x720", "300k", 16, "--roll -6"}, {"1280x720", "20M", 4, ""},
		{"1280x720", "20M", 16, ""}, {"1280x720", "20M", 64, "--block 32"}, {"1280x720", "300k", 0, "--block 120"},
	}[:shortOr(1, 14)] {
		t.Run(fmt.Sprintf("%s %s noise %d %s", c.size, c.bitrate, c.noise, c.more), func(t *testing.T) {
			t.Parallel()
			args := append([]string{"--size", c.size, "--bitrate", c.bitrate, "--noise", fmt.Sprint(c.noise), "--duration", "4s",
				"--event-every", "2s", "--event-length", "500ms"}, strings.Fields(c.more)...)
			made := makeClip(t, args...)
			made.checkCodes(t)
			r, code := verified(t, filepath.Join(made.dir, "index.m3u8"))
			if code != 0 || len(r.Findings) > 0 || r.Events.Exact != r.Events.Markers || r.Events.Markers == 0 {
				t.Errorf("exit code %d, events %+v: %s", code, r.Events, texts(r))
			}
			made.checkMovingBlocks(t)
			if c.bitrate == "8M" {
				stream, err := os.Stat(made.stream)
				if err != nil {
					t.Fatal(err)
				}
				if rate := stream.Size() * 8 / 10; rate < 7_000_000 || rate > 9_000_000 {
					t.Errorf("noise 16 at 8 Mbit/s makes %d bit/s", rate)
				}
			}
			again := makeClip(t, args...)
			a, errA := os.ReadFile(made.stream)
			b, errB := os.ReadFile(again.stream)
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("the same options give other bytes (%v, %v)", errA, errB)
			}
		})
	}
}

func shortOr(short, long int) int {
	if testing.Short() {
		return short
	}
	return long
}

// checkCodes reads the frame code of every decoded picture, at 320x180.
func (c clip) checkCodes(t *testing.T) {
	t.Helper()
	const w, h = 320, 180
	luma, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", c.stream, "-fps_mode", "passthrough",
		"-vf", "scale=320:180:flags=area,format=gray", "-f", "rawvideo", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	in := bytes.NewReader(luma)
	for _, f := range c.frames {
		picture := make([]byte, w*h)
		if _, err := io.ReadFull(in, picture); err != nil {
			t.Fatalf("frame %d: %v", f.Frame, err)
		}
		if n, ok := generator.ReadFrameCode(picture, w, w, h); !ok || n != f.Frame {
			t.Fatalf("frame %d: pixels say %d, %v", f.Frame, n, ok)
		}
	}
	if in.Len() > 0 {
		t.Errorf("%d bytes of pictures more than the ledger has", in.Len())
	}
}

// checkMovingBlocks holds the ledger's blocks against the flags that they came from.
func (c clip) checkMovingBlocks(t *testing.T) {
	t.Helper()
	ch := c.truth.Channel
	for _, m := range readLines[markers.Marker](t, filepath.Join(c.dir, "markers.jsonl")) {
		if ch.Roll != 0 && m.Block.Roll != ch.Roll {
			t.Errorf("marker %s: block rolls %d pixels, want %d", m.ID, m.Block.Roll, ch.Roll)
		}
		if ch.Block != 0 && (m.Block.Width < ch.Block*2/3 || m.Block.Width > ch.Block*3/2 || m.Block.Height < ch.Block*2/3 || m.Block.Height > ch.Block*3/2) {
			t.Errorf("marker %s: block of %dx%d pixels, want about %d", m.ID, m.Block.Width, m.Block.Height, ch.Block)
		}
	}
}
