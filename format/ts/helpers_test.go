package ts

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/internal/soundtest"
	"github.com/refstream/refstream/media"
)

// run runs a program that must succeed and returns what it printed.
var run = soundtest.Run

// makeStream has ffmpeg encode a moving test picture: 320x180, 25 frames/s, a key frame every 25 frames.
func makeStream(t testing.TB, frames int, args ...string) []byte {
	t.Helper()
	line := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25"}
	line = append(line, "-frames:v", strconv.Itoa(frames), "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1",
		"-g", "25", "-sc_threshold", "0")
	line = append(line, args...)
	return run(t, nil, "ffmpeg", append(line, "-f", "mpegts", "pipe:1")...)
}

// probed is a packet as ffprobe sees it.
type probed struct {
	PTS   int64  `json:"pts"`
	DTS   int64  `json:"dts"`
	Size  string `json:"size"`
	Flags string `json:"flags"`
}

// probe has ffprobe list the video packets of a stream. It unwraps time stamps in a way of its own: they are cut to 33
// bits again.
func probe(t testing.TB, stream []byte) []probed {
	t.Helper()
	out := run(t, stream, "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_packets",
		"-of", "json", "-f", "mpegts", "pipe:0")
	var doc struct {
		Packets []probed `json:"packets"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	for i := range doc.Packets {
		doc.Packets[i].PTS &= media.PTSMask
		doc.Packets[i].DTS &= media.PTSMask
	}
	return doc.Packets
}

// decode has ffmpeg decode the video strictly and returns a checksum a frame, in presentation order.
func decode(t testing.TB, stream []byte) string {
	t.Helper()
	out := run(t, stream, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-err_detect", "explode", "-f", "mpegts",
		"-i", "pipe:0", "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-")
	var sums []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			fields := strings.Split(strings.TrimSpace(line), ",")
			sums = append(sums, fields[len(fields)-1])
		}
	}
	return strings.Join(sums, "\n")
}

// readAll reads every access unit.
func readAll(t testing.TB, r *Reader) []media.Unit {
	t.Helper()
	units, err := drain(r)
	if err != io.EOF {
		t.Fatalf("Next: %v", err)
	}
	return units
}

func drain(r *Reader) ([]media.Unit, error) {
	var units []media.Unit
	for {
		au, err := r.Next()
		if err != nil {
			return units, err
		}
		units = append(units, au)
	}
}

// writeAll writes the units as one stream.
func writeAll(t testing.TB, units []media.Unit) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, au := range units {
		if err := w.WriteUnit(au); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// shift moves the time stamps so that the first DTS is dts.
func shift(units []media.Unit, dts int64) []media.Unit {
	out := make([]media.Unit, len(units))
	for i, au := range units {
		au.PTS += dts - units[0].DTS
		au.DTS += dts - units[0].DTS
		out[i] = au
	}
	return out
}

func sameUnits(t testing.TB, got, want []media.Unit) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d units, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if g.PTS != w.PTS || g.DTS != w.DTS || g.Key != w.Key || len(g.NALs) != len(w.NALs) {
			t.Fatalf("unit %d: PTS %d DTS %d key %t %d NAL units, want %d %d %t %d", i,
				g.PTS, g.DTS, g.Key, len(g.NALs), w.PTS, w.DTS, w.Key, len(w.NALs))
		}
		for k := range w.NALs {
			if !bytes.Equal(g.NALs[k], w.NALs[k]) {
				t.Fatalf("unit %d: NAL unit %d differs", i, k)
			}
		}
	}
}
