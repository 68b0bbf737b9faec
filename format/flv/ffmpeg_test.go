package flv

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/flv/amf0"
)

// TestReadFFmpeg reads FLV that ffmpeg wrote, and compares with what ffprobe reads in it.
func TestReadFFmpeg(t *testing.T) {
	t.Parallel()
	for i, tc := range []struct {
		name string
		args []string
	}{
		{"B-frames and audio", []string{"-c:v", "libx264", "-bf", "3", "-c:a", "aac"}},
		{"no B-frames, MP3", []string{"-c:v", "libx264", "-bf", "0", "-c:a", "libmp3lame", "-ar", "44100"}},
		{"no duration, no index", []string{"-c:v", "libx264", "-bf", "2", "-c:a", "aac", "-flvflags", "no_duration_filesize+no_sequence_end"}},
		{"index of key frames", []string{"-c:v", "libx264", "-bf", "2", "-c:a", "aac", "-flvflags", "add_keyframe_index"}},
		{"wraps at 31 bits", []string{"-c:v", "libx264", "-bf", "2", "-c:a", "aac", "-output_ts_offset", "2147482"}},
		{"extended time", []string{"-c:v", "libx264", "-bf", "2", "-c:a", "aac", "-output_ts_offset", "16776"}},
		{"baseline", []string{"-c:v", "libx264", "-profile:v", "baseline", "-an"}},
	} {
		if testing.Short() && i%2 == 0 { // the others have each codec of sound, each index, and both kinds of time stamps
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "in.flv")
			args := []string{
				"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=30000/1001", "-f", "lavfi", "-i", "sine", "-t", "3",
				"-g", "30", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p",
			}
			run(t, nil, "ffmpeg", append(append(args, tc.args...), path)...)
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := probe(t, path)
			units := demux(t, file)
			if len(units) != len(want["video"]) || len(units) < 80 {
				t.Fatalf("%d units, ffprobe finds %d", len(units), len(want["video"]))
			}
			var stream []byte
			for i, au := range units {
				p := want["video"][i]
				const bits31 = 1<<31 - 1 // ffmpeg writes no more of a time
				if (au.PTS/90-p.PTS)&bits31 != 0 || (au.DTS/90-p.DTS)&bits31 != 0 || au.Key != strings.Contains(p.Flags, "K") {
					t.Fatalf("unit %d: PTS %d DTS %d key %t, ffprobe says %+v", i, au.PTS, au.DTS, au.Key, p)
				}
				if i > 0 && (au.DTS <= units[i-1].DTS || au.DTS > units[i-1].DTS+9000) {
					t.Fatalf("unit %d: DTS %d after %d", i, au.DTS, units[i-1].DTS)
				}
				stream = h264.AppendAnnexB(stream, au.NALs)
			}
			// The units are complete: as a byte stream they decode to the same pictures.
			sums := func(format string, input []byte) string {
				out, log := run(t, input, "ffmpeg", "-v", "error", "-f", format, "-i", "pipe:0", "-map", "0:v", "-vsync", "passthrough", "-f", "framemd5", "-")
				var all []string
				for line := range strings.Lines(string(out)) {
					if !strings.HasPrefix(line, "#") {
						all = append(all, line[strings.LastIndex(line, ",")+1:])
					}
				}
				return log + strconv.Itoa(len(all)) + strings.Join(all, "")
			}
			if a, b := sums("h264", stream), sums("flv", file); a != b {
				t.Errorf("the pictures differ: %.300s\n%.300s", a, b)
			}
			checkForeignTags(t, file, len(want["audio"]))
		})
	}
}

// checkForeignTags looks at the tags that aren't video.
func checkForeignTags(t *testing.T, file []byte, audio int) {
	t.Helper()
	tags, _ := readTags(NewReader(bytes.NewReader(file)))
	sounds, meta := 0, false
	for _, tag := range tags {
		switch tag.Type {
		case Audio:
			if tag.Body[0]>>4 != 10 || tag.Body[1] != 0 { // an AAC sequence header is no packet
				sounds++
			}
		case Script:
			name, args, err := ParseScript(tag.Body)
			if err != nil || name != "onMetaData" || ScriptName(tag.Body) != name {
				t.Errorf("script %q, %v", name, err)
			}
			a, _ := args[0].(amf0.Array)
			width, _ := a.Get("width")
			codec, _ := a.Get("videocodecid")
			meta = meta || width == 160.0 && codec == 7.0
		}
	}
	if sounds != audio || !meta {
		t.Errorf("%d audio tags, ffprobe finds %d; metadata %t", sounds, audio, meta)
	}
	// The same tags written again are the same file, but for the header's flags.
	var b bytes.Buffer
	if err := NewWriter(&b).Write(tags...); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes()[13:], file[13:]) {
		t.Error("the tags written again differ")
	}
}
