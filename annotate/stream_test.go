package annotate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// run runs a program and gives what it wrote to its output and to its log.
func run(t *testing.T, name string, args ...string) (out, log string) {
	t.Helper()
	var o, e strings.Builder
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = &o, &e
	if err := c.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, e.String())
	}
	return o.String(), e.String()
}

// encode makes a stream with ffmpeg and x264, and gives its access units in decoding order, numbered from first in the
// order of their presentation. That order is ffprobe's, from the PTS of the transport stream that ffmpeg wrote; the
// access units are told apart by the delimiters that its muxer puts in.
func encode(t *testing.T, clock markers.Clock, first, frames int64, x264 string, args ...string) []media.Unit {
	t.Helper()
	dir := t.TempDir()
	ts, raw := filepath.Join(dir, "in.ts"), filepath.Join(dir, "in.h264")
	all := []string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc=size=128x96:rate=" + clock.Rate.String(), "-pix_fmt", "yuv420p",
		"-frames:v", strconv.FormatInt(frames, 10), "-c:v", "libx264", "-threads", "1", "-preset", "ultrafast", "-g", "12",
	}
	if x264 != "" {
		all = append(all, "-x264-params", x264)
	}
	run(t, "ffmpeg", append(append(all, args...), ts)...)
	run(t, "ffmpeg", "-v", "error", "-i", ts, "-c", "copy", "-f", "h264", raw)
	probed, _ := run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", ts)
	var order []int64
	for _, word := range strings.FieldsFunc(probed, func(r rune) bool { return r == ',' || r == '\n' }) {
		pts, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, pts)
	}
	shown := slices.Sorted(slices.Values(order))
	b, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	var units []media.Unit
	for _, nal := range h264.SplitAnnexB(b) {
		if h264.TypeOf(nal) == h264.NALAccessUnitDelim {
			units = append(units, media.Unit{})
		}
		u := &units[len(units)-1]
		u.NALs = append(u.NALs, nal)
		u.Key = u.Key || h264.TypeOf(nal) == h264.NALIDR
	}
	if int64(len(units)) != frames || len(order) != len(units) {
		t.Fatalf("%d access units and %d packets of %d frames", len(units), len(order), frames)
	}
	for i := range units {
		n := first + int64(slices.Index(shown, order[i]))
		units[i].Frame, units[i].PTS, units[i].DTS = n, clock.PTS(n), clock.PTS(first+int64(i))-9000
	}
	return units
}

// recordOf is the record of frame n, with a GEN time that isn't the nominal time and an event now and then.
func recordOf(clock markers.Clock, n int64) markers.FrameRecord {
	r := markers.FrameRecord{
		Frame: n, PTS: clock.PTS(n), GenNS: 1767225600_000000000 + clock.Rate.Nanos(n) + 1234567 + n%7*1001, Run: 3,
	}
	if n%5 == 0 {
		r.Event = "test-e" + strconv.FormatInt(n/5, 10)
	}
	return r
}

// annotateAll annotates the units, checks that they weren't changed, and writes them to a file.
func annotateAll(t *testing.T, clock markers.Clock, units []media.Unit, picTiming bool) (path string) {
	t.Helper()
	a := New("test", clock)
	var stream []byte
	for _, au := range units {
		before := h264.AppendAnnexB(nil, au.NALs)
		out, err := a.Annotate(au, recordOf(clock, au.Frame))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, h264.AppendAnnexB(nil, au.NALs)) {
			t.Fatalf("frame %d: the input was changed", au.Frame)
		}
		if a.PicTiming() != picTiming {
			t.Fatalf("frame %d: PicTiming is %v", au.Frame, a.PicTiming())
		}
		if out.Frame != au.Frame || out.PTS != au.PTS || out.DTS != au.DTS || out.Key != au.Key {
			t.Fatalf("frame %d: became %+v", au.Frame, out)
		}
		stream = h264.AppendAnnexB(stream, out.NALs)
	}
	return write(t, stream)
}

func write(t *testing.T, stream []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "stream.h264")
	if err := os.WriteFile(path, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// join makes one byte stream of the units.
func join(units []media.Unit) []byte {
	var stream []byte
	for _, au := range units {
		stream = h264.AppendAnnexB(stream, au.NALs)
	}
	return stream
}
