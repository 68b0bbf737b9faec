package mp4

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// onlyReader hides that a source can seek.
type onlyReader struct{ io.Reader }

// run runs a program and returns what it writes.
func run(t testing.TB, dir, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, stderr.Bytes())
	}
	return out.Bytes()
}

// make3s has ffmpeg make a file of 3 s.
func make3s(t testing.TB, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	all := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=30000/1001", "-f", "lavfi", "-i", "sine",
		"-t", "3", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "30", "-c:a", "aac"}
	run(t, filepath.Dir(path), "ffmpeg", append(append(all, args...), path)...)
	return path
}

// packet is what ffprobe says of a sample.
type packet struct {
	PTS      int64  `json:"pts"`
	DTS      int64  `json:"dts"`
	Duration int64  `json:"duration"`
	Size     string `json:"size"`
	Pos      string `json:"pos"`
	Flags    string `json:"flags"`
}

// probe asks ffprobe for the packets of the first video stream.
func probe(t testing.TB, path string) []packet {
	t.Helper()
	var out struct{ Packets []packet }
	b := run(t, ".", "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_packets", "-of", "json", path)
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out.Packets
}

// readAll reads a file to its end.
func readAll(t testing.TB, r *Reader) (units []Unit) {
	t.Helper()
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	for {
		u, err := r.Next()
		if errors.Is(err, io.EOF) {
			return units
		}
		if err != nil {
			t.Fatalf("after %d units: %v", len(units), err)
		}
		units = append(units, u)
	}
}

// compare compares units with what ffprobe says, whose times are moved first.
func compare(t testing.TB, units []Unit, packets []packet, movePTS, moveDTS int64) {
	t.Helper()
	if len(units) != len(packets) || len(units) == 0 {
		t.Fatalf("%d units, ffprobe has %d packets", len(units), len(packets))
	}
	for i, u := range units {
		p := packets[i]
		p.PTS, p.DTS = p.PTS+movePTS, p.DTS+moveDTS
		pos, _ := strconv.ParseInt(p.Pos, 10, 64)
		if u.Time != p.PTS || u.DecodeTime != p.DTS || u.Offset != pos || u.Key != (p.Flags[0] == 'K') {
			t.Fatalf("unit %d: PTS %d, DTS %d, at %d, key %v; ffprobe has %+v", i, u.Time, u.DecodeTime, u.Offset, u.Key, p)
		}
		scale := int64(u.Timescale)
		duration := p.Duration
		if i+1 < len(units) { // ffprobe's is not always the one of the index
			duration = units[i+1].DecodeTime - u.DecodeTime
		}
		for _, c := range []struct{ got, of int64 }{{u.PTS, u.Time}, {u.DTS, u.DecodeTime}, {u.Duration, duration}} {
			// Rounded down: got <= of*90000/scale < got+1.
			if d := c.of*90000 - c.got*scale; d < 0 || d >= scale {
				t.Fatalf("unit %d: %d ticks for %d/%d s", i, c.got, c.of, scale)
			}
		}
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
