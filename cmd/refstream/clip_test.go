package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"github.com/refstream/refstream/clips"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// clip is a generated folder with what other programs say about it.
type clip struct {
	dir    string
	truth  clips.Truth
	frames []markers.FrameRecord
	stream string   // the segments in one file
	also   []string // the kinds of its other files: ts, flv
}

func makeClip(t *testing.T, args ...string) clip {
	t.Helper()
	c := clip{dir: filepath.Join(t.TempDir(), "clip")}
	must(t, append([]string{"generate", "--out", c.dir}, args...)...)
	data, err := os.ReadFile(filepath.Join(c.dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &c.truth); err != nil {
		t.Fatal(err)
	}
	c.frames = readLines[markers.FrameRecord](t, filepath.Join(c.dir, "frames.jsonl"))
	segments, err := filepath.Glob(filepath.Join(c.dir, "seg-*.ts"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("segments: %v, %v", segments, err)
	}
	slices.Sort(segments)
	c.stream = filepath.Join(t.TempDir(), "all.ts")
	var all []byte
	for _, s := range segments {
		b, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if err := os.WriteFile(c.stream, all, 0o644); err != nil {
		t.Fatal(err)
	}
	return c
}

// files are the names of what a clip's folder holds of the stream.
func (c clip) files() []string {
	list := []string{"index.m3u8"}
	for _, kind := range c.also {
		list = append(list, "stream."+kind)
	}
	return list
}

// floor is floor(n*times*den/num) in arithmetic that knows no limits.
func floor(n, times int64, r media.FrameRate) int64 {
	v := new(big.Int).Mul(big.NewInt(n), big.NewInt(times*r.Den))
	return v.Div(v, big.NewInt(r.Num)).Int64()
}

// checkLedger holds frames.jsonl against the arithmetic of the clocks, done here once more.
func (c clip) checkLedger(t *testing.T) {
	t.Helper()
	if int64(len(c.frames)) != c.truth.Frames {
		t.Fatalf("%d frame records, want %d", len(c.frames), c.truth.Frames)
	}
	for i, f := range c.frames {
		if f.Frame != c.truth.First+int64(i) {
			t.Fatalf("record %d is of frame %d, want %d", i, f.Frame, c.truth.First+int64(i))
		}
		if key := f.Frame%c.truth.Channel.FramesPerSegment == 0; f.Key != key {
			t.Errorf("frame %d: key %v, want %v", f.Frame, f.Key, key)
		}
		rate := c.truth.Channel.Rate
		if want := 90000 + floor(f.Frame, 90000, rate); f.PTS != want {
			t.Errorf("frame %d: PTS %d, want %d", f.Frame, f.PTS, want)
		}
		utc := c.truth.Channel.Epoch.Add(time.Duration(floor(f.Frame, 1e9, rate)))
		if !f.UTC.Equal(utc) || f.GenNS != utc.UnixNano() {
			t.Errorf("frame %d: UTC %v, GEN %d ns, want %v for both", f.Frame, f.UTC, f.GenNS, utc)
		}
		if base := rate.Base(); !c.truth.Channel.DropFrame {
			s := f.Frame / base
			form := "%02d:%02d:%02d:%02d"
			if base > 100 {
				form = "%02d:%02d:%02d:%03d"
			}
			if want := fmt.Sprintf(form, s/3600%24, s/60%60, s%60, f.Frame%base); f.Timecode != want {
				t.Errorf("frame %d: timecode %s, want %s", f.Frame, f.Timecode, want)
			}
		}
		if f.DTS > f.PTS {
			t.Errorf("frame %d: DTS %d after PTS %d", f.Frame, f.DTS, f.PTS)
		}
	}
}

// checkProbe holds PTS, key frames and timecodes of the decoded frames against the ledger.
func (c clip) checkProbe(t *testing.T) {
	t.Helper()
	out, _ := tool(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_frames",
		"-show_entries", "frame=pts,key_frame,color_range,color_space,color_primaries,color_transfer:frame_tags=timecode", "-of", "json", c.stream)
	var probe struct {
		Frames []struct {
			PTS        int64             `json:"pts"`
			Key        int               `json:"key_frame"`
			Range      string            `json:"color_range"`
			Space      string            `json:"color_space"`
			Primaries  string            `json:"color_primaries"`
			Transfer   string            `json:"color_transfer"`
			FrameTimes map[string]string `json:"tags"`
		} `json:"frames"`
	}
	if err := json.Unmarshal(out, &probe); err != nil {
		t.Fatal(err)
	}
	if len(probe.Frames) != len(c.frames) {
		t.Fatalf("ffprobe shows %d frames, want %d", len(probe.Frames), len(c.frames))
	}
	for i, p := range probe.Frames {
		f := c.frames[i]
		if (p.PTS-f.PTS)&media.PTSMask != 0 {
			t.Fatalf("frame %d: ffprobe's PTS %d, ledger's %d", f.Frame, p.PTS, f.PTS)
		}
		if (p.Key == 1) != f.Key {
			t.Fatalf("frame %d: ffprobe's key_frame %d, ledger's %v", f.Frame, p.Key, f.Key)
		}
		if got, want := p.FrameTimes["timecode"], asProbed(f.Timecode); strings.ReplaceAll(got, ";", ":") != want {
			t.Fatalf("frame %d: ffprobe's timecode %q, ledger's %q", f.Frame, got, want)
		}
		if p.Range != "tv" || p.Space != "bt709" || p.Primaries != "bt709" || p.Transfer != "bt709" {
			t.Fatalf("frame %d: colour %+v, want BT.709 limited", f.Frame, p)
		}
	}
}

// asProbed is a timecode as ffprobe writes it, with colons: its semicolon is only on the frames right after dropped
// numbers. It keeps the number of a frame as ST 12-1 does, in 40 numbers, above 30 frames/s of pairs: those from 80 on come
// out less 80. What is in the stream is held against trace_headers.
func asProbed(timecode string) string {
	timecode = strings.ReplaceAll(timecode, ";", ":")
	i := strings.LastIndex(timecode, ":") + 1
	n, _ := strconv.Atoi(timecode[i:])
	return fmt.Sprintf("%s%02d", timecode[:i], n%80)
}

var nFrames = regexp.MustCompile(`n_frames(?:\[\d+\])?\s+[01]+ = (\d+)`)

var userData = regexp.MustCompile(`(?:user_data_payload_byte\[\d+\]|uuid_iso_iec_11578\[\d+\])\s+[01]+ = (\d+)`)

// checkSEI holds the SEI messages of every access unit, as trace_headers reads them, against the ledger.
func (c clip) checkSEI(t *testing.T) {
	t.Helper()
	_, trace := tool(t, "ffmpeg", "-hide_banner", "-copyts", "-i", c.stream, "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
	byPTS := map[int64]markers.FrameRecord{}
	for _, f := range c.frames {
		byPTS[f.PTS&media.PTSMask] = f
	}
	var order []markers.FrameRecord
	for _, m := range tracedPacket.FindAllSubmatch(trace, -1) {
		pts, err := strconv.ParseInt(string(m[1]), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, byPTS[pts&media.PTSMask])
	}
	// The trace has a section for each NAL unit; an access unit begins with its delimiter. The header of the stream,
	// which the filter traces first, is told apart by having no delimiter.
	units := strings.Split(string(trace), "Access Unit Delimiter")[1:]
	if len(units) != len(order) {
		t.Fatalf("trace_headers shows %d access units and %d packets", len(units), len(order))
	}
	for i, unit := range units {
		f := order[i]
		if n := strings.Count(unit, "Picture Timing"); n != 1 {
			t.Fatalf("frame %d: %d pic_timing messages, want 1", f.Frame, n)
		}
		frames, _ := strconv.Atoi(f.Timecode[strings.LastIndexAny(f.Timecode, ":;")+1:])
		if m := nFrames.FindStringSubmatch(unit); m == nil || m[1] != strconv.Itoa(frames) {
			t.Fatalf("frame %d: n_frames %q, timecode %s", f.Frame, m, f.Timecode)
		}
		var messages [][]byte
		for _, part := range strings.Split(unit, "User Data Unregistered")[1:] {
			var body []byte
			for _, m := range userData.FindAllStringSubmatch(part, -1) {
				v, err := strconv.Atoi(m[1])
				if err != nil || v > 255 {
					t.Fatalf("frame %d: byte %q", f.Frame, m[1])
				}
				body = append(body, byte(v))
			}
			messages = append(messages, body)
		}
		if len(messages) != 2 {
			t.Fatalf("frame %d: %d user data messages, want the MISB time stamp and the frame record", f.Frame, len(messages))
		}
		checkMISB(t, f, messages[0])
		var record struct {
			Frame   int64
			Channel string
			Run     int64
			GenNS   int64 `json:"gen_ns"`
			PTS     int64
			Event   *string
		}
		if err := json.Unmarshal(messages[1][16:], &record); err != nil {
			t.Fatalf("frame %d: frame record %q: %v", f.Frame, messages[1][16:], err)
		}
		event := ""
		if record.Event != nil {
			event = *record.Event
		}
		if record.Frame != f.Frame || record.PTS != f.PTS || record.GenNS != f.GenNS || record.Run != f.Run || event != f.Event || record.Channel != "main" {
			t.Fatalf("frame record %+v, ledger %+v", record, f)
		}
	}
}

// checkMISB reads a time stamp by the layout of MISB ST 0604.
func checkMISB(t *testing.T, f markers.FrameRecord, b []byte) {
	t.Helper()
	if len(b) != 28 || string(b[:16]) != "MISPmicrosectime" || b[19] != 0xff || b[22] != 0xff || b[25] != 0xff {
		t.Fatalf("frame %d: MISB time stamp % x", f.Frame, b)
	}
	var us int64
	for _, i := range []int{17, 18, 20, 21, 23, 24, 26, 27} {
		us = us<<8 | int64(b[i])
	}
	if us != f.GenNS/1000 {
		t.Fatalf("frame %d: MISB time stamp %d µs, ledger %d ns", f.Frame, us, f.GenNS)
	}
}

// checkPlaylist holds EXTINF, PROGRAM-DATE-TIME and DATERANGE against the ledger and the markers.
func (c clip) checkPlaylist(t *testing.T) {
	t.Helper()
	file, err := os.Open(filepath.Join(c.dir, "index.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	list, kind, err := m3u8.DecodeFrom(file, true)
	if err != nil || kind != m3u8.MEDIA {
		t.Fatalf("read playlist: %v, type %v", err, kind)
	}
	pl := list.(*m3u8.MediaPlaylist)
	g, k := c.truth.Channel.FramesPerSegment, c.truth.Channel.Clock()
	if pl.SeqNo != uint64(c.truth.First/g) || !pl.Closed {
		t.Errorf("media sequence %d, closed %v; want %d, true", pl.SeqNo, pl.Closed, c.truth.First/g)
	}
	n := c.truth.First
	for _, s := range pl.GetAllSegments() {
		frames := min(g, c.truth.Last+1-n)
		want := float64(frames*k.Rate.Den) / float64(k.Rate.Num)
		if math.Abs(s.Duration-want) > 1e-9 {
			t.Errorf("segment of frame %d: EXTINF %v, want %v", n, s.Duration, want)
		}
		if !s.ProgramDateTime.Equal(c.frames[n-c.truth.First].UTC) {
			t.Errorf("segment of frame %d: PROGRAM-DATE-TIME %v, want %v", n, s.ProgramDateTime, c.frames[n-c.truth.First].UTC)
		}
		n += frames
	}
	if n != c.truth.Last+1 {
		t.Errorf("playlist ends before frame %d, want %d", n, c.truth.Last+1)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "index.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range readLines[markers.Marker](t, filepath.Join(c.dir, "markers.jsonl")) {
		i := bytes.Index(text, []byte(`#EXT-X-DATERANGE:ID="`+m.ID+`"`))
		if i < 0 {
			t.Errorf("marker %s is not in the playlist", m.ID)
			continue
		}
		line, _, _ := bytes.Cut(text[i:], []byte("\n"))
		begin, err := time.Parse(time.RFC3339Nano, attribute(string(line), "START-DATE"))
		if err != nil || !begin.Equal(m.UTC) {
			t.Errorf("marker %s: START-DATE %v (%v), want %v", m.ID, begin, err, m.UTC)
		}
	}
}

// attribute is the value of a quoted attribute.
func attribute(line, name string) string {
	_, rest, _ := strings.Cut(line, name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
