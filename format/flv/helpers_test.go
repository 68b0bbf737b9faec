package flv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// labelled is an access unit with what is said of it.
type labelled struct {
	media.Unit
	Record  markers.FrameRecord
	Markers []markers.Marker
}

// scripts are what the muxer gets of that. The cue points have the marker's JSON only.
func (u *labelled) scripts() Scripts {
	s := Scripts{FI: NewFI(time.Unix(0, u.Record.GenNS), u.Record.Timecode)}
	for _, m := range u.Markers {
		whole, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		s.Cues = append(s.Cues, Cue{
			CuePoint: CuePoint{Name: m.ID, Seconds: float64(Time(m.PTS)) / 1000, Type: "event", Parameters: amf0.Object{{Name: "marker", Value: string(whole)}}},
			Frame:    m.Frame, PTS: m.PTS, FI: NewFI(m.GenTime, m.Timecode),
		})
	}
	return s
}

// programTimeout ends an ffmpeg that hangs; each run takes about a second.
const programTimeout = time.Minute

// testUUID is the user data that the tests put in each picture, followed by its frame number.
const testUUID = "flv test's frame"

// run runs a program and gives what it wrote to its output and to its log.
func run(t testing.TB, stdin []byte, name string, args ...string) (out []byte, log string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	var o, e bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(stdin), &o, &e
	if err := c.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, e.String())
	}
	return o.Bytes(), e.String()
}

func clockOf(num, den, gop int64) markers.Clock {
	return markers.Clock{
		Rate: media.FrameRate{Num: num, Den: den}, Epoch: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		FramesPerSegment: gop, DropFrame: den == 1001,
	}
}

// genOf is the time at which a frame was generated: not the nominal one, and not on a millisecond.
func genOf(c markers.Clock, n int64) time.Time {
	return c.UTC(n).Add(1234567 + time.Duration(n%7)*1001001)
}

// encode makes a stream of real H.264 with SEI in each picture, whose frames are numbered from first on.
func encode(t testing.TB, c markers.Clock, first, frames int64, bframes int, size string) []labelled {
	t.Helper()
	gop := fmt.Sprint(c.FramesPerSegment)
	out, _ := run(t, nil, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size="+size+":rate="+c.Rate.String(),
		"-frames:v", fmt.Sprint(frames), "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p",
		"-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-bf", fmt.Sprint(bframes), "-flags", "+cgop",
		"-x264-params", "pic-struct=1", "-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts", "-")
	var units []labelled
	origin := int64(1) << 62
	for r := ts.NewReader(bytes.NewReader(out)); ; {
		au, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		origin = min(origin, au.PTS)
		units = append(units, labelled{Unit: au})
	}
	if int64(len(units)) != frames {
		t.Fatalf("ffmpeg made %d access units, want %d", len(units), frames)
	}
	var sps *h264.SPS
	for i := range units {
		u := &units[i]
		n, _ := c.Rate.FrameAtTicks(u.PTS - origin)
		// DTS like those of the encoder package: that of an earlier frame or the same.
		back, _ := c.Rate.FrameAtTicks(u.PTS - u.DTS)
		u.Frame = first + n
		u.PTS, u.DTS = c.PTS(u.Frame), c.PTS(u.Frame-back)
		gen := genOf(c, u.Frame)
		u.Record = markers.FrameRecord{
			Frame: u.Frame, PTS: u.PTS, DTS: u.DTS, Key: u.Key, Timecode: c.Timecode(u.Frame).String(), UTC: c.UTC(u.Frame),
			GenNS: gen.UnixNano(), Run: 1,
		}
		sps = label(t, c, u, sps)
	}
	return units
}

// label replaces the SEI of a picture: pic_timing, MISB time stamp, frame number.
func label(t testing.TB, c markers.Clock, u *labelled, sps *h264.SPS) *h264.SPS {
	t.Helper()
	var nals [][]byte
	done := false
	for _, nal := range u.NALs {
		var err error
		switch kind := h264.TypeOf(nal); {
		case kind == h264.NALSEI:
			continue
		case kind == h264.NALSPS:
			if sps, err = h264.ParseSPS(nal); err != nil {
				t.Fatal(err)
			}
		case kind.VCL() && !done:
			done = true
			tc := c.Timecode(u.Frame)
			p := h264.PicTiming{}
			counting := uint8(h264.CountingNoDrop)
			if c.DropFrame {
				counting = h264.CountingDropTwo
			}
			p.Timestamps[0] = h264.ClockTimestamp{
				Present: true, FieldBased: true, CountingType: counting, Full: true,
				HasSeconds: true, HasMinutes: true, HasHours: true, CntDropped: tc.SkipsBefore(c.Rate), Frames: uint16(tc.Frames),
				Seconds: uint8(tc.Seconds), Minutes: uint8(tc.Minutes), Hours: uint8(tc.Hours),
			}
			timing, err := p.Append(nil, sps)
			if err != nil {
				t.Fatal(err)
			}
			stamp := h264.MISBTime{Status: h264.MISBLocked, Micros: uint64(u.Record.GenNS / 1000)}.Append(nil)
			nals = append(nals, h264.AppendSEI(nil, []h264.SEIMessage{
				{Type: h264.SEIPicTiming, Payload: timing},
				{Type: h264.SEIUserDataUnregistered, Payload: stamp},
				{Type: h264.SEIUserDataUnregistered, Payload: fmt.Appendf([]byte(testUUID), "%d", u.Frame)},
			}))
		}
		nals = append(nals, nal)
	}
	u.NALs = nals
	return sps
}

// markerAt is a marker for an event that begins at a frame.
func markerAt(c markers.Clock, n int64) markers.Marker {
	last := n + 2*c.Rate.Base()
	return markers.Marker{
		ID: fmt.Sprintf("test-e%d", n), Channel: "test", Run: 1, Kind: markers.KindManual, Text: "goal \"ß\" <1>",
		Time: c.Time(n), EndTime: c.Time(last), Frame: n, LastFrame: last, ScheduledFrame: n, PTS: c.PTS(n), LastPTS: c.PTS(last),
		Timecode: c.Timecode(n).String(), UTC: c.UTC(n), GenTime: genOf(c, n).UTC(), GenSeconds: media.Seconds(genOf(c, n).Sub(c.Epoch)),
		MSN: c.MSN(n), Offset: c.Offset(n), Color: "#00ffff",
	}
}

// muxAll muxes the units and gives the tags of a reader that begins with the first.
func muxAll(t testing.TB, o Options, units []labelled) []Tag {
	t.Helper()
	m := NewMuxer(o)
	var tags []Tag
	for i, u := range units {
		before := h264.AppendAnnexB(nil, u.NALs)
		c, err := m.Unit(u.Unit, u.scripts())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, h264.AppendAnnexB(nil, u.NALs)) {
			t.Fatalf("frame %d was changed", u.Frame)
		}
		if (len(c.Head) > 0) != u.Key {
			t.Fatalf("frame %d: %d tags in the head, key %t", u.Frame, len(c.Head), u.Key)
		}
		if i == 0 {
			tags = append(tags, c.Head...)
		}
		tags = append(tags, c.Tags...)
	}
	return append(tags, m.Flush()...)
}

// fileOf writes the tags to a file.
func fileOf(t testing.TB, tags []Tag) (path string) {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, tag := range tags {
		if err := w.Write(tag); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(t.TempDir(), "stream.flv")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// probed is a packet as ffprobe shows it.
type probed struct {
	Type  string `json:"codec_type"`
	PTS   int64  `json:"pts"`
	DTS   int64  `json:"dts"`
	Flags string `json:"flags"`
	Data  string `json:"data"`
}

// bytes reads the hex dump.
func (p probed) bytes(t testing.TB) []byte {
	t.Helper()
	var out []byte
	for line := range strings.Lines(p.Data) {
		_, line, ok := strings.Cut(line, ": ")
		if !ok {
			continue
		}
		line, _, _ = strings.Cut(line, "  ")
		line = strings.ReplaceAll(line, " ", "")
		b := make([]byte, len(line)/2)
		if _, err := fmt.Sscanf(line, "%x", &b); err != nil {
			t.Fatalf("hex dump %q: %v", line, err)
		}
		out = append(out, b...)
	}
	return out
}

// probe has ffprobe list the packets of a file, by the kind of stream.
func probe(t testing.TB, path string) map[string][]probed {
	t.Helper()
	out, log := run(t, nil, "ffprobe", "-v", "error", "-show_packets", "-show_data", "-of", "json", path)
	if log != "" {
		t.Errorf("ffprobe: %s", log)
	}
	var doc struct {
		Packets []probed `json:"packets"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	kinds := map[string][]probed{}
	for _, p := range doc.Packets {
		kinds[p.Type] = append(kinds[p.Type], p)
	}
	return kinds
}
