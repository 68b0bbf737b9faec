package packets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/refstream/refstream/analyzer/tr101290"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/internal/faultstest"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// The test's stream: 25 frames/s, segments of 50 frames, with two pictures in a row that no other refers to, an ID3 tag every 20.
const (
	fps        = 25
	perSegment = 50
	length     = 300
	videoPID   = 256
)

func channel() markers.Channel { return faultstest.Channel(perSegment) }

func plan(t testing.TB, entries string) *scenario.Plan {
	t.Helper()
	return faultstest.Plan(t, channel(), Kinds(), entries)
}

// chunk is the packets of a frame.
type chunk struct {
	frame   int64
	packets []byte
}

// encoded is the access units of a stream that ffmpeg encodes once.
var encoded = sync.OnceValues(func() (units []media.Unit, err error) {
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=320x180:r=%d", fps),
		"-frames:v", strconv.Itoa(length), "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-qp", "16", "-bf", "2", "-b_strategy", "0",
		"-g", strconv.Itoa(perSegment), "-sc_threshold", "0", "-x264-params", "b-pyramid=none", "-f", "mpegts", "-").Output()
	for r := ts.NewReader(bytes.NewReader(out)); err == nil; {
		var au media.Unit
		if au, err = r.Next(); err == nil {
			units = append(units, au)
		}
	}
	if errors.Is(err, io.EOF) && len(units) == length {
		err = nil
	}
	return units, err
})

// clip is that stream, with the time stamps of frame 0 at an origin.
func clip(t *testing.T, origin int64) (list []chunk) {
	t.Helper()
	units, err := encoded()
	if err != nil {
		t.Fatalf("%d frames: %v", len(units), err)
	}
	m := ts.NewMuxer()
	m.Step = channel().Rate.Ticks(1)
	zero := units[0].PTS
	for _, au := range units {
		au.PTS, au.DTS = au.PTS-zero+origin, au.DTS-zero+origin
		au.Frame = (au.PTS - origin) / m.Step
		var tags []id3.Timed
		if au.Frame%20 == 0 {
			tags = []id3.Timed{{Tag: append([]byte("ID3\x04\x00\x00\x00\x00\x07\x00"), make([]byte, 7<<7)...), PTS: au.PTS}} // of padding
		}
		b, err := m.Unit(au, tags...)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, chunk{au.Frame, b})
	}
	return list
}

// rewrite makes the faulty stream, and checks that nothing was changed without a report, and nothing else than what it reports. It
// returns the frames whose packets were changed.
func rewrite(t *testing.T, p *scenario.Plan, clean []chunk) (faulty []chunk, changed []int64, notDone []string) {
	t.Helper()
	var got []faults.Change
	r := New(p, channel().Clock(), func(c faults.Change) { got = append(got, c) })
	for _, c := range clean {
		got = nil
		before := bytes.Clone(c.packets)
		b := r.Packets(c.frame, c.packets)
		if !bytes.Equal(c.packets, before) {
			t.Fatalf("the clean packets of frame %d were changed", c.frame)
		}
		faulty = append(faulty, chunk{c.frame, b})
		done := slices.DeleteFunc(got, func(c faults.Change) bool {
			if c.NotDone != "" {
				notDone = append(notDone, fmt.Sprint(c.Frame, " ", c.NotDone))
			}
			return c.NotDone != ""
		})
		if len(done) == 0 != bytes.Equal(b, before) {
			t.Fatalf("frame %d: %d changes are reported, changed is %t", c.frame, len(done), !bytes.Equal(b, before))
		}
		at := faults.Hash(before)
		for _, d := range done {
			if d.Frame != c.frame || d.Clean != at || d.Spoiled < d.Frame {
				t.Errorf("%+v of frame %d", d, c.frame)
			}
			at = d.Altered
		}
		if at != faults.Hash(b) {
			t.Errorf("frame %d has other packets than are reported", c.frame)
		}
		if len(done) > 0 {
			changed = append(changed, c.frame)
		}
	}
	slices.Sort(changed)
	return faulty, changed, notDone
}

func join(chunks []chunk) (b []byte) {
	for _, c := range chunks {
		b = append(b, c.packets...)
	}
	return b
}

// frameAt is the frame whose packets have an offset of the stream.
func frameAt(chunks []chunk, offset int) int64 {
	for _, c := range chunks {
		if offset -= len(c.packets); offset < 0 {
			return c.frame
		}
	}
	return -1
}

// run has a tool read a stream from its standard input, and returns what it prints. Tools fail at some faults.
func run(t *testing.T, stream []byte, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdin = t.TempDir(), bytes.NewReader(stream)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out)
}

// debug is what ffmpeg prints about a stream that it copies.
func debug(t *testing.T, chunks []chunk) []byte {
	t.Helper()
	return []byte(run(t, join(chunks), "ffmpeg", "-v", "debug", "-f", "mpegts", "-i", "pipe:0", "-map", "0", "-c", "copy", "-f", "null", "-"))
}

var offsetOf = regexp.MustCompile(`^ *(\d+): `)

// tsreport runs tsreport, and returns the frames at whose offsets it prints lines that match a pattern: its first group is the
// offset, or the one before in the output counts, of a packet's line.
func tsreport(t *testing.T, chunks []chunk, pattern string, args ...string) (frames []int64) {
	t.Helper()
	find := regexp.MustCompile(pattern)
	last := 0
	for line := range strings.Lines(run(t, join(chunks), "tsreport", append(args, "-stdin")...)) {
		if m := offsetOf.FindStringSubmatch(line); m != nil {
			last, _ = strconv.Atoi(m[1])
		}
		m := find.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		at := last
		if len(m) > 1 {
			at, _ = strconv.Atoi(m[1])
		}
		if f := frameAt(chunks, at); !slices.Contains(frames, f) {
			frames = append(frames, f)
		}
	}
	slices.Sort(frames)
	return frames
}

// monitor is what analyzer/tr101290 finds, by the names of verify.
func monitor(packets []byte) (names []string) {
	m := tr101290.NewMonitor(nil, func(name string, _ int, _, _ int64, _ string) {
		if name = strings.ToLower(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	s := ts.Splitter{Lost: m.Lost}
	_, _ = s.Write(packets)
	s.End()
	for p, offset, ok := s.Next(); ok; p, offset, ok = s.Next() {
		m.Packet(p, offset)
	}
	slices.Sort(names)
	return names
}

// to is the frames first to last.
func to(first, last int64) (list []int64) {
	for n := first; n <= last; n++ {
		list = append(list, n)
	}
	return list
}

// without is the frames of the stream that are not in a list.
func without(list []int64) []int64 {
	return slices.DeleteFunc(to(0, length-1), func(n int64) bool { return slices.Contains(list, n) })
}
