package flv

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// TestFFprobe writes real H.264 to a file and has ffmpeg read it: the time of every packet, the timecode, MISB time stamp
// and user data of every frame, and the scripts with their times and contents.
func TestFFprobe(t *testing.T) {
	t.Parallel()
	c25, ntsc, c60 := clockOf(25, 1, 25), clockOf(30000, 1001, 30), clockOf(60000, 1001, 60)
	at := func(c markers.Clock, ms int64) int64 { // the frame at that time of the PTS, half a second before
		n, _ := c.Rate.FrameAtTicks(ms*90 - markers.PTSOrigin - 45000)
		return n
	}
	for i, tc := range []struct {
		name    string
		clock   markers.Clock
		first   int64
		bframes int
	}{
		{"25", c25, 0, 0},
		{"25, 2 B-frames", c25, 25, 2},
		{"25, 3 B-frames", c25, 250, 3},
		{"29.97", ntsc, 30, 0},
		{"29.97, 2 B-frames, a minute", ntsc, 1800 - 30, 2},
		{"29.97, 3 B-frames", ntsc, 60, 3},
		{"59.94", c60, 60, 0},
		{"59.94, 2 B-frames", c60, 120, 2},
		{"59.94, 3 B-frames", c60, 180, 3},
		{"past 4.66 h, 2 B-frames", ntsc, at(ntsc, 1<<24), 2},
		{"past 4.66 h", c25, at(c25, 1<<24), 0},
		{"far past 4.66 h, 3 B-frames", c25, at(c25, 10*86400*1000), 3},
		{"past 2^31 ms, 2 B-frames", c60, at(c60, 1<<31), 2},
		{"past the wrap at 2^32 ms, 3 B-frames", c25, at(c25, 1<<32), 3},
		{"past the wrap, 2 B-frames", ntsc, at(ntsc, 1<<32), 2},
		{"long past the wrap", c25, at(c25, 3<<32+5_000_000), 0},
	} {
		if testing.Short() && i%2 == 1 { // every second one has each rate, each number of B-frames and each wrap
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := tc.clock
			frames := 2*c.Rate.Base() + c.Rate.Base()/2
			if testing.Short() {
				frames -= c.Rate.Base()
			}
			units := encode(t, c, tc.first, frames, tc.bframes, "160x90")
			var marks []markers.Marker
			for _, n := range []int64{7, 20, 21, c.Rate.Base()} {
				marks = append(marks, markerAt(c, tc.first+n))
				units = with(units, tc.first+n, marks[len(marks)-1])
			}
			path := fileOf(t, muxAll(t, Options{Rate: c.Rate, Encoder: "libx264", Version: "test"}, units))
			packets := probe(t, path)
			checkPackets(t, packets["video"], units)
			checkFrames(t, c, path, units)
			checkFI(t, c, packets["data"], tc.first, frames, marks)
			checkCues(t, packets["subtitle"], marks)
			checkRead(t, path, units)
		})
	}
}

// wire is a time as 32 bits of milliseconds: ffprobe unwraps in its own way.
func wire(ms int64) uint32 { return uint32(ms) }

func checkPackets(t *testing.T, got []probed, units []labelled) {
	t.Helper()
	if len(got) != len(units) {
		t.Fatalf("ffprobe found %d packets of %d", len(got), len(units))
	}
	for i, u := range units {
		// Rounded in another way than the code does it.
		pts, dts := (u.PTS*1000+45000)/90000, (u.DTS*1000+45000)/90000
		if wire(got[i].PTS) != wire(pts) || wire(got[i].DTS) != wire(dts) || strings.Contains(got[i].Flags, "K") != u.Key {
			t.Errorf("frame %d: PTS %d DTS %d flags %s, want %d %d, key %t", u.Frame, got[i].PTS, got[i].DTS, got[i].Flags, pts, dts, u.Key)
		}
		if i > 0 && got[i].DTS-got[i-1].DTS > 100 {
			t.Errorf("frame %d: DTS %d after %d", u.Frame, got[i].DTS, got[i-1].DTS)
		}
	}
}

// checkFrames compares what the decoder gives in the order of presentation.
func checkFrames(t *testing.T, c markers.Clock, path string, units []labelled) {
	t.Helper()
	shown := slices.Clone(units)
	slices.SortFunc(shown, func(a, b labelled) int { return int(a.Frame - b.Frame) })
	out, log := run(t, nil, "ffprobe", "-v", "error", "-select_streams", "v", "-show_frames", "-of", "json", path)
	if log != "" {
		t.Errorf("ffprobe: %s", log)
	}
	var doc struct {
		Frames []struct {
			PTS      int64 `json:"pts"`
			SideData []struct {
				Timecodes []struct {
					Value string `json:"value"`
				} `json:"timecodes"`
			} `json:"side_data_list"`
		} `json:"frames"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	data := userData(t, path)
	if len(doc.Frames) != len(shown) || len(data) != len(shown) {
		t.Fatalf("ffprobe decoded %d frames and showinfo %d of %d", len(doc.Frames), len(data), len(shown))
	}
	for i, u := range shown {
		f := doc.Frames[i]
		var codes []string
		for _, s := range f.SideData {
			for _, tc := range s.Timecodes {
				// ffprobe shows a semicolon on some frames of drop-frame code only.
				codes = append(codes, strings.ReplaceAll(tc.Value, ";", ":"))
			}
		}
		want := strings.ReplaceAll(c.Timecode(u.Frame).String(), ";", ":")
		if wire(f.PTS) != wire((u.PTS*1000+45000)/90000) || !slices.Equal(codes, []string{want}) {
			t.Errorf("frame %d: PTS %d, timecodes %q, want %s", u.Frame, f.PTS, codes, want)
		}
		if len(data[i]) != 2 || data[i][1] != testUUID+fmt.Sprint(u.Frame) {
			t.Errorf("frame %d: user data %q", u.Frame, data[i])
			continue
		}
		stamp, ok := h264.ParseMISBTime([]byte(data[i][0]))
		if !ok || int64(stamp.Micros) != u.Record.GenNS/1000 {
			t.Errorf("frame %d: MISB time stamp %d, want %d us", u.Frame, stamp.Micros, u.Record.GenNS/1000)
		}
	}
}

// userData is the user data of each frame as ffmpeg's decoder gives it, UUID and data.
func userData(t *testing.T, path string) [][]string {
	t.Helper()
	_, log := run(t, nil, "ffmpeg", "-hide_banner", "-nostats", "-i", path, "-map", "0:v", "-vsync", "passthrough", "-vf", "showinfo", "-f", "null", "-")
	var frames [][]string
	for line := range strings.Lines(log) {
		_, text, ok := strings.Cut(line, "] ")
		if !ok || !strings.HasPrefix(line, "[Parsed_showinfo") {
			continue
		}
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "n:") {
			frames = append(frames, nil)
		}
		uuid, isUUID := strings.CutPrefix(text, "UUID=")
		data, isData := strings.CutPrefix(text, "User Data=")
		if !isUUID && !isData {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
		if isData {
			b, err = hex.DecodeString(data)
		}
		if err != nil || len(frames) == 0 {
			t.Fatalf("showinfo: %v in %q", err, line)
		}
		f := &frames[len(frames)-1]
		if isUUID {
			*f = append(*f, string(b))
		} else {
			(*f)[len(*f)-1] += string(b)
		}
	}
	return frames
}

// checkFI wants an onFI for the first frame of each second, of the stream, and of each marker, in order.
func checkFI(t *testing.T, c markers.Clock, got []probed, first, frames int64, marks []markers.Marker) {
	t.Helper()
	var want []int64
	for n := first; n < first+frames; n++ {
		isMark := slices.ContainsFunc(marks, func(m markers.Marker) bool { return m.Frame == n })
		second := func(n int64) int64 { return n * c.Rate.Den / c.Rate.Num }
		if n == first || isMark || second(n) != second(n-1) {
			want = append(want, n)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d onFI, want %d", len(got), len(want))
	}
	for i, n := range want {
		gen := genOf(c, n).UTC()
		body := []any{"onFI", amf0.Object{
			{Name: "sd", Value: fmt.Sprintf("%02d-%02d-%04d", gen.Day(), gen.Month(), gen.Year())},
			{Name: "st", Value: fmt.Sprintf("%02d:%02d:%02d.%03d", gen.Hour(), gen.Minute(), gen.Second(), gen.Nanosecond()/1_000_000)},
			{Name: "tc", Value: c.Timecode(n).String()},
			{Name: "tz", Value: "+00:00"},
		}}
		values, err := amf0.Parse(got[i].bytes(t))
		if err != nil || !reflect.DeepEqual(values, body) {
			t.Errorf("frame %d: %v, %v, want %v", n, values, err, body)
		}
		if ms := (c.PTS(n)*1000 + 45000) / 90000; wire(got[i].PTS) != wire(ms) {
			t.Errorf("frame %d: onFI at %d ms, want %d", n, got[i].PTS, ms)
		}
	}
}

// checkCues wants the cue points, which ffprobe takes for subtitles, as it does metadata with a time.
func checkCues(t *testing.T, got []probed, marks []markers.Marker) {
	t.Helper()
	if len(got) != len(marks) {
		t.Fatalf("%d cue points, want %d", len(got), len(marks))
	}
	for i, m := range marks {
		values, err := amf0.Parse(got[i].bytes(t))
		if err != nil {
			t.Fatal(err)
		}
		cue, _ := ParseCuePoint(values)
		text, _ := cue.Parameters.Get("marker")
		want, _ := json.Marshal(m)
		ms := wire((m.PTS*1000 + 45000) / 90000)
		if cue.Name != m.ID || text != string(want) || wire(got[i].PTS) != ms || cue.Seconds != float64(ms)/1000 {
			t.Errorf("cue point %+v at %d ms, want %s", cue, got[i].PTS, want)
		}
	}
}

// checkRead reads the file with the package's own reader.
func checkRead(t *testing.T, path string, units []labelled) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := demux(t, file)
	if len(got) != len(units) {
		t.Fatalf("%d units were read of %d", len(got), len(units))
	}
	for i, u := range units {
		g := got[i]
		first := millis(units[0].DTS) - int64(wire(millis(units[0].DTS))) // the wraps before
		if g.PTS/90+first != millis(u.PTS) || g.DTS/90+first != millis(u.DTS) || g.Key != u.Key || g.Frame != -1 {
			t.Errorf("frame %d: read at PTS %d DTS %d, key %t", u.Frame, g.PTS, g.DTS, g.Key)
		}
		want := slices.DeleteFunc(slices.Clone(u.NALs), func(nal []byte) bool { return h264.TypeOf(nal) == h264.NALAccessUnitDelim })
		if !slices.EqualFunc(g.NALs, want, bytes.Equal) {
			t.Errorf("frame %d: the NAL units differ", u.Frame)
		}
	}
}

func demux(t testing.TB, file []byte) []media.Unit {
	t.Helper()
	tags, err := readTags(NewReader(bytes.NewReader(file)))
	if err.Error() != "EOF" {
		t.Fatal(err)
	}
	d := NewDemuxer()
	var units []media.Unit
	for _, tag := range tags {
		au, ok, err := d.Unit(tag)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			units = append(units, au)
			if d.Ticks(tag.Time) != au.DTS || d.Ticks(tag.Time+40) != au.DTS+3600 || d.Ticks(tag.Time-40) != au.DTS-3600 {
				t.Fatalf("%d ms are %d ticks at DTS %d", tag.Time, d.Ticks(tag.Time), au.DTS)
			}
		}
	}
	return units
}

// TestMetaDataByFFprobe: what ffprobe takes from onMetaData, and that nothing else becomes a stream.
func TestMetaDataByFFprobe(t *testing.T) {
	t.Parallel()
	c := clockOf(30000, 1001, 30)
	units := encode(t, c, 900, 40, 2, "320x180")
	units[3].Markers = []markers.Marker{markerAt(c, units[3].Frame)}
	path := fileOf(t, muxAll(t, Options{Rate: c.Rate, Encoder: "libx264", Version: "refstream dev", Channel: "main"}, units))
	out, _ := run(t, nil, "ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", path)
	var doc struct {
		Streams []map[string]any `json:"streams"`
		Format  struct {
			Tags map[string]string `json:"tags"`
		} `json:"format"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	if v := doc.Streams[0]; v["codec_name"] != "h264" || v["width"] != 320.0 || v["height"] != 180.0 ||
		v["r_frame_rate"] != "30000/1001" || v["is_avc"] != "true" || v["nal_length_size"] != "4" {
		t.Errorf("the video is %v", v)
	}
	if tags := doc.Format.Tags; tags["encoder"] != "refstream dev libx264" || tags["channel"] == "" || tags["timecode"] != "" {
		t.Errorf("the file's properties are %v", tags)
	}
	// A copy in MP4 has no timecode of the marker's, and no subtitles.
	mp4 := filepath.Join(t.TempDir(), "copy.mp4")
	run(t, nil, "ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-map", "0:v", mp4)
	out, _ = run(t, nil, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", mp4)
	if string(out) != "video\n" {
		t.Errorf("the copy has the streams %q", out)
	}
}

// TestChangeByFFmpeg: a stream whose size changes at a key frame decodes to its end, with both sizes.
func TestChangeByFFmpeg(t *testing.T) {
	t.Parallel()
	c := clockOf(25, 1, 25)
	units := append(encode(t, c, 0, 25, 2, "160x90"), encode(t, c, 25, 25, 2, "320x180")...)
	path := fileOf(t, muxAll(t, Options{Rate: c.Rate}, units))
	out, log := run(t, nil, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=width,height", "-of", "csv=p=0", path)
	rows := strings.Fields(string(out))
	want := append(slices.Repeat([]string{"160,90"}, 25), slices.Repeat([]string{"320,180"}, 25)...)
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], ",")
	}
	if log != "" || !slices.Equal(rows, want) {
		t.Errorf("%s%v", log, rows)
	}
	// A reader that begins at any key frame needs nothing but that chunk's head.
	m := NewMuxer(Options{Rate: c.Rate})
	var tags []Tag
	for _, u := range units {
		chunk, err := m.Unit(u.Unit, u.scripts())
		if err != nil {
			t.Fatal(err)
		}
		if u.Frame == 25 {
			tags = chunk.Head
		}
		if tags != nil {
			tags = append(tags, chunk.Tags...)
		}
	}
	if got := probe(t, fileOf(t, tags))["video"]; len(got) != 25 || got[0].Flags[0] != 'K' {
		t.Errorf("from frame 25 on %d packets", len(got))
	}
}
