package rtmp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/format/flv"
)

// starts are the times that streams begin at, in milliseconds.
var starts = []struct {
	name string
	ms   uint32
}{
	{"at 0", 0},
	{"across the extended timestamp", timeExtended - 1000},
	{"at the extended timestamp", timeExtended},
	{"beyond the extended timestamp", timeExtended + 3600_000},
	{"in the upper half", 1<<31 + 5},
}

// shownScripts is how many of the sample's scripts ffprobe shows as packets: onFI, whereas it takes onCuePoint for metadata.
const shownScripts = 2

// probed is a packet as ffprobe sees it.
type probed struct {
	Type string `json:"codec_type"`
	PTS  int64  `json:"pts"`
	DTS  int64  `json:"dts"`
	Size string `json:"size"`
	Hash string `json:"data_hash"`
}

// probe gives the packets that ffprobe finds.
func probe(t testing.TB, input string, args ...string) []probed {
	t.Helper()
	args = append([]string{"-v", "error", "-show_packets", "-show_data_hash", "md5", "-of", "json"}, append(args, input)...)
	var out struct{ Packets []probed }
	if err := json.Unmarshal(run(t, "ffprobe", args...), &out); err != nil {
		t.Fatal(err)
	}
	return out.Packets
}

// writeFLV puts tags in a file, as the oracle's oracle.
func writeFLV(t testing.TB, tags []flv.Tag) string {
	t.Helper()
	var b bytes.Buffer
	if err := flv.NewWriter(&b).Write(tags...); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "want.flv")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func countType(packets []probed, kind string) int {
	n := 0
	for _, p := range packets {
		if p.Type == kind {
			n++
		}
	}
	return n
}

func TestFFmpegPlays(t *testing.T) {
	tags := sample(t)
	for _, start := range starts {
		for _, size := range []int{0, 128} {
			t.Run(fmt.Sprintf("%s, chunks of %d", start.name, size), func(t *testing.T) {
				want := timed(t, tags, start.ms)
				server := playing(want)
				server.ChunkSize = size
				s := startServer(t, server)
				got := probe(t, s.url("live/test"))
				file := probe(t, writeFLV(t, want))
				if n := countType(file, "video"); n != sampleFrames {
					t.Fatalf("the file has %d pictures", n)
				}
				if n := countType(file, "data"); n != shownScripts {
					t.Fatalf("the file has %d data packets", n)
				}
				if len(got) != len(file) {
					t.Fatalf("%d packets, and %d in the file", len(got), len(file))
				}
				for i := range got {
					if got[i] != file[i] {
						t.Fatalf("packet %d is %+v, and in the file %+v", i, got[i], file[i])
					}
				}
				first := int64(-1)
				for _, p := range got {
					if p.Type == "video" {
						first = p.DTS
						break
					}
				}
				if d := first - int64(start.ms); d < -100 || d > 100 {
					t.Errorf("begins at %d ms, want about %d", first, start.ms)
				}
				if err := s.result(t); err != nil {
					t.Errorf("server: %v", err)
				}
			})
		}
	}
}

// kept is what rtmpdump writes into its file: of scripts metadata only, and no ends of sequences.
func kept(tags []flv.Tag) []flv.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t flv.Tag) bool {
		return t.Type == flv.Script && flv.ScriptName(t.Body) != "onMetaData" || t.Type == flv.Video && len(t.Body) <= 5
	})
}

// TestPlayersTakeBackwardJump has key frames, which are larger than a chunk, follow a later time: these have headers of
// type 0, with an extended timestamp on all their chunks.
func TestPlayersTakeBackwardJump(t *testing.T) {
	want := timed(t, sample(t), 2*timeExtended)
	for _, tag := range want[1:] {
		tag.Time -= 1000
		want = append(want, tag)
	}
	s := startServer(t, playing(want))
	out := filepath.Join(t.TempDir(), "out.flv")
	run(t, "rtmpdump", "-q", "-v", "-r", s.url("live/test"), "-o", out)
	sameTags(t, readFLV(t, out), kept(want))
	got := probe(t, s.url("live/test"))
	file := probe(t, writeFLV(t, want))
	if !slices.Equal(got, file) || countType(got, "video") != 2*sampleFrames {
		t.Errorf("%d packets are not the %d of the file", len(got), len(file))
	}
}

func TestFFmpegVariantsPlay(t *testing.T) {
	want := timed(t, sample(t), timeExtended-500)
	for _, c := range []struct {
		name string
		args []string
		path string
	}{
		{"live", []string{"-rtmp_live", "live"}, "live/test"},
		{"recorded", []string{"-rtmp_live", "recorded"}, "live/test"},
		{"subscribe", []string{"-rtmp_subscribe", "test"}, "live/test"},
		{"query", nil, "live/test?token=1"},
		{"buffer", []string{"-rtmp_buffer", "100"}, "live/test"},
		{"app", []string{"-rtmp_app", "live/", "-rtmp_playpath", "test"}, "other/name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, playing(want))
			got := probe(t, s.url(c.path), c.args...)
			if n := countType(got, "video"); n != sampleFrames {
				t.Errorf("%d pictures", n)
			}
			if n := countType(got, "data"); n != shownScripts {
				t.Errorf("%d data packets", n)
			}
			if err := s.result(t); err != nil {
				t.Errorf("server: %v", err)
			}
		})
	}
}

func TestRTMPDumpPlays(t *testing.T) {
	tags := sample(t)
	for _, start := range starts {
		for _, c := range []struct {
			name string
			args []string
			size int
		}{
			{"plain", nil, 0},
			{"live", []string{"--live"}, 0},
			{"small chunks", []string{"--live"}, 128},
			{"subscribe", []string{"--live", "--subscribe", "test"}, 0},
			{"realtime buffer", []string{"--live", "--realtime"}, 0},
		} {
			t.Run(start.name+", "+c.name, func(t *testing.T) {
				want := timed(t, tags, start.ms)
				server := playing(want)
				server.ChunkSize = c.size
				s := startServer(t, server)
				out := filepath.Join(t.TempDir(), "out.flv")
				args := append([]string{"-r", s.url("live/test"), "-o", out}, c.args...)
				log, err := exec.CommandContext(testContext(t), "rtmpdump", args...).CombinedOutput()
				if err != nil {
					t.Fatalf("rtmpdump: %v\n%s", err, log)
				}
				sameTags(t, readFLV(t, out), kept(want))
				if err := s.result(t); err != nil {
					t.Errorf("server: %v", err)
				}
			})
		}
	}
}

// TestRTMPDumpReadsScripts looks at what rtmpdump says about the scripts that it doesn't write.
func TestRTMPDumpReadsScripts(t *testing.T) {
	s := startServer(t, playing(timed(t, sample(t), timeExtended-500)))
	cmd := exec.CommandContext(testContext(t), "rtmpdump", "-V", "--live", "-r", s.url("live/test"), "-o", os.DevNull)
	log, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for _, want := range []string{"12:00:10:01", "12:00:40:01", "21-11-2026", "e1", "16777.", "long long"} {
		if !bytes.Contains(log, []byte(want)) {
			t.Errorf("no %q in what rtmpdump says", want)
		}
	}
	for _, bad := range []string{"WARNING", "ERROR"} {
		if i := bytes.Index(log, []byte(bad)); i >= 0 {
			t.Errorf("rtmpdump says %q", log[i:min(len(log), i+200)])
		}
	}
}

func TestPlayersAreRefused(t *testing.T) {
	s := startServer(t, playing(nil))
	for _, c := range []struct {
		name string
		cmd  []string
		says string // by the program
		code string // by the server
	}{
		{"ffmpeg", []string{"ffprobe", s.url("live/other")}, "no such stream", "NetStream.Play.StreamNotFound"},
		{"rtmpdump", []string{"rtmpdump", "-r", s.url("other/test"), "-o", os.DevNull}, "StreamNotFound", "NetStream.Play.StreamNotFound"},
		{"no stream", []string{"ffprobe", s.url("live")}, "no such stream", "NetStream.Play.StreamNotFound"},
		{"publisher", []string{"ffmpeg", "-f", "lavfi", "-i", "testsrc2=d=1", "-f", "flv", s.url("live/test")}, "takes none", "NetStream.Publish.Denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := exec.CommandContext(testContext(t), c.cmd[0], c.cmd[1:]...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.says) {
				t.Errorf("%v, it says:\n%s", err, out)
			}
			var refused *StatusError
			if err := s.result(t); !errors.As(err, &refused) || refused.Code != c.code {
				t.Errorf("server: %v", err)
			}
		})
	}
}
