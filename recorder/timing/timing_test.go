package timing

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

const limit = time.Minute

// run runs a program and returns what it prints.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("%s %q: %v: %s", name, args, err, failed.Stderr)
		}
		t.Fatal(err)
	}
	return out
}

// segments has ffmpeg publish 5 s in segments of 2 s, 3 s with -short, and reads them.
func segments(t testing.TB, inputs, options string) []*hlsclient.Segment {
	t.Helper()
	dir := t.TempDir()
	index, length := filepath.Join(dir, "index.m3u8"), "5"
	if testing.Short() {
		length = "3"
	}
	run(t, "ffmpeg", slices.Concat([]string{"-v", "error"}, strings.Fields(inputs), strings.Fields(options),
		[]string{"-t", length, "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", index})...)
	return read(t, index)
}

func read(t testing.TB, index string) (list []*hlsclient.Segment) {
	t.Helper()
	c := hlsclient.Client{Now: time.Now}
	err := c.Run(t.Context(), index, hlsclient.Handler{Segment: func(s *hlsclient.Segment) error {
		list = append(list, s)
		return s.Err
	}})
	if err != nil || len(list) == 0 {
		t.Fatalf("%d segments: %v", len(list), err)
	}
	return list
}

// probe is what ffprobe says of a segment: the smallest PTS and the end of the last frame, in ticks, of a kind.
func probe(t *testing.T, s *hlsclient.Segment, kind string) (first, end int64) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, slices.Concat(s.Init, s.Data), 0o600); err != nil {
		t.Fatal(err)
	}
	var probed struct {
		Packets []struct {
			PTS      *int64 `json:"pts"`
			Duration int64  `json:"duration"`
		} `json:"packets"`
		Streams []struct {
			TimeBase string `json:"time_base"`
		} `json:"streams"`
	}
	out := run(t, "ffprobe", "-v", "error", "-select_streams", kind[:1], "-show_entries", "packet=pts,duration:stream=time_base",
		"-of", "json", name)
	if err := json.Unmarshal(out, &probed); err != nil || len(probed.Streams) == 0 || len(probed.Packets) == 0 {
		t.Fatalf("ffprobe: %v: %s", err, out)
	}
	_, scale, _ := strings.Cut(probed.Streams[0].TimeBase, "/")
	base, err := strconv.ParseInt(scale, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	first, end = 1<<62, -1<<62
	for _, p := range probed.Packets {
		if p.PTS != nil {
			first, end = min(first, *p.PTS*media.TicksPerSecond/base), max(end, (*p.PTS+p.Duration)*media.TicksPerSecond/base)
		}
	}
	return first, end
}

// TestMeasure agrees with ffprobe on what ffmpeg makes.
func TestMeasure(t *testing.T) {
	t.Parallel()
	const (
		video = "-f lavfi -i testsrc2=s=160x96:r=25 "
		sound = "-f lavfi -i sine=r=48000 "
		x264  = "-c:v libx264 -preset veryfast -g 50 -bf 3 "
		low   = "-c:v libx264 -preset ultrafast -g 50 "
	)
	all := map[string]struct {
		inputs, options, kind string
	}{
		"H.264 with B-frames":   {video, x264, Video},
		"H.264 and AAC":         {video + sound, low + "-c:a aac", Video},
		"AAC first":             {sound + video, "-map 0 -map 1 -c:a aac " + low, Video},
		"23.976":                {"-f lavfi -i testsrc2=s=160x96:r=24000/1001 ", low, Video},
		"wrap":                  {video, x264 + "-output_ts_offset 95440.5", Video},
		"MPEG-2 interlaced":     {video, "-c:v mpeg2video -bf 2 -flags +ildct+ilme -g 50", Video},
		"AAC in TS":             {sound, "-c:a aac", Audio},
		"AAC of 44.1 kHz in TS": {"-f lavfi -i sine=r=44100 ", "-c:a aac", Audio},
		"MP2 in TS":             {sound, "-c:a mp2", Audio},
		"AC-3 in TS":            {sound, "-c:a ac3", Audio},
		"E-AC-3 in TS":          {sound, "-c:a eac3", Audio},
		"fMP4":                  {video, x264 + "-hls_segment_type fmp4", Video},
		"HEVC in fMP4":          {video, "-c:v libx265 -preset ultrafast -x265-params log-level=none -g 50 -tag:v hvc1 -hls_segment_type fmp4", Video},
		"fMP4 with AAC":         {sound + video, "-map 0 -map 1 -c:a aac -hls_segment_type fmp4 " + x264, Video},
		"fMP4 of AAC":           {"-f lavfi -i sine=r=44100 ", "-c:a aac -hls_segment_type fmp4", Audio},
		"fMP4 after the wrap":   {video, low + "-hls_segment_type fmp4 -output_ts_offset 95450", Video},
	}
	if testing.Short() { // each of these is much like another one
		for _, name := range []string{"H.264 and AAC", "23.976", "AAC in TS", "E-AC-3 in TS", "MP2 in TS", "fMP4"} {
			delete(all, name)
		}
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range segments(t, c.inputs, c.options) {
				got := Measure(s)
				first, end := probe(t, s, c.kind)
				if got == nil || got.Media != c.kind {
					t.Fatalf("segment %d: %+v", s.MSN, got)
				}
				// ffprobe rounds each frame's duration, and takes the last frame of MP4 for a whole one where the file says less.
				tolerance := int64(2)
				if s.Init != nil && c.kind == Audio {
					tolerance = 1024 * media.TicksPerSecond / 44100
				}
				if length := got.End - got.First; got.First != first&media.PTSMask || max(length-(end-first), (end-first)-length) > tolerance {
					t.Errorf("segment %d: %d to %d, ffprobe has %d to %d", s.MSN, got.First, got.End, first&media.PTSMask, end)
				}
				if extinf := wholeTicks(time.Duration(s.Duration)); max(got.End-got.First-extinf, extinf-got.End+got.First) > 9000 {
					t.Errorf("segment %d: %d ticks, EXTINF says %d", s.MSN, got.End-got.First, extinf)
				}
			}
		})
	}
}

// rawTag is an ID3 tag with the time of raw audio.
func rawTag(pts int64) []byte {
	body := append([]byte(timestampOwner), 0)
	body = binary.BigEndian.AppendUint64(body, uint64(pts))
	frame := slices.Concat([]byte("PRIV"), []byte{0, 0, 0, byte(len(body)), 0, 0}, body)
	return slices.Concat([]byte("ID3"), []byte{4, 0, 0, 0, 0, 0, byte(len(frame))}, frame)
}

// TestMeasureRaw agrees with ffprobe on raw audio, which that reads as HLS.
func TestMeasureRaw(t *testing.T) {
	t.Parallel()
	from, codecs := t.TempDir(), map[string]string{"aac": "aac", "mp2": "mp2", "mp3": "libmp3lame", "ac3": "ac3", "ec3": "eac3"}
	args := []string{"-v", "error", "-f", "lavfi", "-i", "sine=r=44100"}
	for format, codec := range codecs {
		muxer := []string{"-f", format}
		switch format {
		case "aac":
			muxer[1] = "adts"
		case "ec3":
			muxer[1] = "eac3"
		case "mp3":
			muxer = append(muxer, "-write_xing", "0", "-id3v2_version", "0")
		}
		args = append(append(append(args, "-t", "2", "-c:a", codec), muxer...), filepath.Join(from, format))
	}
	run(t, "ffmpeg", args...)
	for format, codec := range codecs {
		dir, raw := t.TempDir(), filepath.Join(from, format)
		data, err := os.ReadFile(raw)
		if err != nil {
			t.Fatal(err)
		}
		const pts = 8_123_456_789
		segment := append(rawTag(pts), data...)
		if err := os.WriteFile(filepath.Join(dir, "a."+format), segment, 0o600); err != nil {
			t.Fatal(err)
		}
		index := filepath.Join(dir, "index.m3u8")
		playlist := fmt.Sprintf("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.%s\n#EXT-X-ENDLIST\n", format)
		if err := os.WriteFile(index, []byte(playlist), 0o600); err != nil {
			t.Fatal(err)
		}
		got := Measure(read(t, index)[0])
		if got == nil || got.Media != Audio || got.First != pts {
			t.Errorf("%s: %+v", format, got)
			continue
		}
		var packets int
		out := run(t, "ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", raw)
		if _, err := fmt.Sscan(string(out), &packets); err != nil {
			t.Fatal(err)
		}
		samples := map[string]int64{"aac": 1024, "ac3": 1536, "eac3": 1536, "mp2": 1152, "libmp3lame": 1152}[codec]
		if want := pts + int64(packets)*samples*media.TicksPerSecond/44100; got.End != want {
			t.Errorf("%s: ends at %d, want %d", format, got.End, want)
		}
		if format == "aac" {
			text := run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts", "-read_intervals", "%+#1", "-of", "csv=p=0", index)
			if first := strings.Trim(string(text), "\n,"); first != strconv.FormatInt(pts, 10) {
				t.Errorf("ffprobe says that it begins at %s", first)
			}
		}
	}
}

// TestMeasureOwnMoov reads a segment with many fragments and its own initialization section.
func TestMeasureOwnMoov(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "all.mp4")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x96:r=30", "-t", "2", "-c:v", "libx264", "-bf", "2",
		"-movflags", "frag_every_frame+empty_moov+default_base_moof", "-output_ts_offset", "3", name)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := &hlsclient.Segment{Data: data}
	first, end := probe(t, s, Video)
	if got := Measure(s); got == nil || got.First != first || got.End != end || end-first != 2*media.TicksPerSecond {
		t.Errorf("%+v, ffprobe has %d to %d", got, first, end)
	}
}

// TestMeasureNot is nil for what has no time, and for what was not fetched.
func TestMeasureNot(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*hlsclient.Segment{
		"none":            nil,
		"empty":           {},
		"failed":          {Data: rawTag(1), Err: errors.New("not there")},
		"WebVTT":          {Data: []byte("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n")},
		"a page":          {Data: []byte("<html>")},
		"an ID3 tag":      {Data: rawTag(1)},
		"no packets":      {Data: []byte(strings.Repeat("G", 1000))},
		"no moov":         {Data: []byte("\x00\x00\x00\x08moof")},
		"half a tag":      {Data: rawTag(1)[:30]},
		"null packets":    {Data: []byte(strings.Repeat("G\x1F\xFF\x10"+strings.Repeat("\xFF", 184), 5))},
		"a tag of images": {Data: append([]byte("ID3\x04\x00\x00\x00\x00\x00\x02xx"), 0xFF, 0xF1)},
	} {
		if got := Measure(s); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestMeasureDamaged reads what is left of a transport stream, and takes one picture for as long as EXTINF says.
func TestMeasureDamaged(t *testing.T) {
	t.Parallel()
	s := *segments(t, "-f lavfi -i testsrc2=s=160x96:r=25 ", "-c:v libx264 -preset ultrafast -g 50")[0]
	whole := Measure(&s)
	if whole == nil || whole.End-whole.First != 2*media.TicksPerSecond {
		t.Fatalf("%+v", whole)
	}
	all := s.Data
	s.Data = slices.Concat(all[:20*ts.PacketSize], []byte("some garbage in the middle"), all[20*ts.PacketSize:])
	if got := Measure(&s); got == nil || *got != *whole {
		t.Errorf("with garbage %+v, want %+v", got, whole)
	}
	// The first picture alone.
	s.Data = all[:4*ts.PacketSize]
	if got := Measure(&s); got == nil || got.First != whole.First || got.End != whole.First+2*media.TicksPerSecond {
		t.Errorf("one picture: %+v", got)
	}
}
