package pixels

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/markers"
)

// decoded probes and decodes a file.
func decoded(t *testing.T, c markers.Channel, file string) ([]Picture, StreamInfo) {
	t.Helper()
	info, err := Probe(t.Context(), "ffprobe", file)
	if err != nil {
		t.Fatal(err)
	}
	list, err := Decode(t.Context(), Decoding{"ffmpeg", file, t.TempDir(), info, c})
	if err != nil {
		t.Fatal(err)
	}
	return list, info
}

// Whatever becomes of size, codec and colour, every picture is recognized, with its event and its time.
func TestDecode(t *testing.T) {
	t.Parallel()
	h264 := []string{"-c:v", "libx264", "-preset", "veryfast", "-b:v", "500k", "-bf", "2"}
	scaled := func(size string) []string { return append([]string{"-vf", "scale=" + size}, h264...) }
	streams := map[string]struct {
		file          string
		width, height int
		options       []string
	}{
		"transport stream":    {"a.ts", 320, 180, append(h264, "-pix_fmt", "yuv420p", "-muxdelay", "0", "-muxpreload", "0")},
		"another colour":      {"a.ts", 320, 180, append(h264, "-pix_fmt", "yuv444p", "-muxdelay", "0", "-muxpreload", "0")},
		"full range":          {"a.mp4", 320, 180, append(h264, "-pix_fmt", "yuvj420p", "-video_track_timescale", "90000")},
		"scaled up":           {"a.ts", 320, 180, append(scaled("1280:720"), "-muxdelay", "0", "-muxpreload", "0")},
		"scaled down":         {"a.ts", 1280, 720, append(scaled("426:240"), "-muxdelay", "0", "-muxpreload", "0")},
		"another shape":       {"a.ts", 640, 360, append(scaled("480:480"), "-muxdelay", "0", "-muxpreload", "0")},
		"another codec":       {"a.ts", 320, 180, []string{"-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2", "-muxdelay", "0", "-muxpreload", "0"}},
		"smallest":            {"a.ts", 160, 90, append(h264, "-pix_fmt", "yuv420p", "-muxdelay", "0", "-muxpreload", "0")},
		"milliseconds of FLV": {"a.flv", 320, 180, append(h264, "-pix_fmt", "yuv420p")},
	}
	if testing.Short() {
		for _, name := range []string{"transport stream", "another colour", "scaled up", "another shape", "smallest"} {
			delete(streams, name)
		}
	}
	for name, c := range streams {
		t.Run(name, func(t *testing.T) {
			channel := verifytest.Channel()
			channel.Width, channel.Height = c.width, c.height
			const first, frames = 1_000_000, 45
			event := func(n int64) bool { return n%20 < 7 }
			list, info := decoded(t, channel, verifytest.Encode(t, channel, c.file, first, frames, event, c.options...))
			if len(list) != frames {
				t.Fatalf("%d pictures, want %d", len(list), frames)
			}
			for i, p := range list {
				n := int64(first + i)
				if p.Frame != n || p.Event != event(n) || p.Black || !p.Timed {
					t.Errorf("picture %d: %+v, want frame %d, event %v", i, p, n, event(n))
				}
				at := p.PTS - list[0].PTS - channel.Rate.Ticks(int64(i))
				if slack := info.Resolution() * 9 / 100000; at > 2*slack+1 || at < -2*slack-1 {
					t.Errorf("picture %d is %d ticks off", i, at)
				}
			}
		})
	}
}

func TestBlackAndForeignPictures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.ts")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=black:size=320x180:rate=30:duration=0.5",
		"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30:duration=0.5", "-filter_complex", "concat=n=2", "-c:v", "libx264", "-preset", "ultrafast", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	list, _ := decoded(t, verifytest.Channel(), file)
	for i, p := range list {
		if p.Frame != -1 || p.Black != (i < 15) {
			t.Errorf("picture %d: %+v", i, p)
		}
	}
}

func TestDecodeFails(t *testing.T) {
	c := verifytest.Channel()
	good := verifytest.Encode(t, c, "a.ts", 0, 5, func(int64) bool { return false }, "-c:v", "libx264")
	info, err := Probe(t.Context(), "ffprobe", good)
	if err != nil {
		t.Fatal(err)
	}
	d := Decoding{"ffmpeg", good, t.TempDir(), info, c}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := Decode(stopped, d); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	d.FFmpeg = "/nowhere/ffmpeg"
	if _, err := Decode(t.Context(), d); err == nil || !strings.Contains(err.Error(), "apt install ffmpeg") {
		t.Errorf("no ffmpeg: %v", err)
	}
	d.FFmpeg, d.Path = "ffmpeg", filepath.Join(t.TempDir(), "none.ts")
	if _, err := Decode(t.Context(), d); err == nil || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("no file: %v", err)
	}
	if _, err := Probe(t.Context(), "ffprobe", d.Path); err == nil || !strings.Contains(err.Error(), "No such file") {
		t.Errorf("probe no file: %v", err)
	}
}

func FuzzReadTimes(f *testing.F) {
	f.Add([]byte("frame:0    pts:90000   pts_time:1\nrefstream=1\nframe:1    pts:NOPTS   pts_time:NOPTS\n"))
	f.Add([]byte("frame:99999999999999999999 pts:1 "))
	f.Fuzz(func(t *testing.T, data []byte) { _ = readTimes(bytes.NewReader(data), make([]Picture, 3)) })
}

func TestTimesCutOff(t *testing.T) {
	err := readTimes(strings.NewReader("frame:0    pts:90000   pts_time:1\n"), make([]Picture, 2))
	if err == nil || !strings.Contains(err.Error(), "1 of 2 pictures") {
		t.Error(err)
	}
}
