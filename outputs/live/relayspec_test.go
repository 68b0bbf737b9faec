package live

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

type relayCase struct {
	output string
	name   string // shown
	last   string // of ffmpeg's arguments; empty: the output
	muxer  string
	err    string // a part of it; empty: none
}

func relayCases() []relayCase {
	return []relayCase{
		{output: "srt://host:9000?passphrase=0123456789", name: "srt://host:9000", muxer: "mpegts"},
		{output: "udp://239.0.0.1:5000?ttl=2", name: "udp://239.0.0.1:5000", muxer: "mpegts"},
		{output: "tcp://host:4444", name: "tcp://host:4444", muxer: "mpegts"},
		{output: "rist://host:4444", name: "rist://host:4444", muxer: "mpegts"},
		{output: "rtp://host:5004", name: "rtp://host:5004", muxer: "rtp_mpegts"},
		{output: "rtsp://me:secret@host/live", name: "rtsp://host/live", muxer: "rtsp"},
		{output: "rtmp://host/app/key?token=abcd", name: "rtmp://host/app", muxer: "flv"},
		{output: "rtmps://host:443/app/key/more", name: "rtmps://host:443/app", muxer: "flv"},
		{output: "https://host/in/out.m3u8?cid=SECRET", name: "https://host/in/out.m3u8", muxer: "hls"},
		{output: "http://host/out.TS", name: "http://host/out.TS", muxer: "mpegts"},
		{output: "out.ts", name: "out.ts", muxer: "mpegts"},
		{output: "  dir/my show - part 1.mkv ", name: "dir/my show - part 1.mkv", last: "dir/my show - part 1.mkv", muxer: "matroska"},
		{output: "file:a.mp4", name: "a.mp4", last: "a.mp4", muxer: "mp4"},
		{output: "a.mov", name: "a.mov", muxer: "mov"},
		{output: "a.flv", name: "a.flv", muxer: "flv"},
		{output: "a/index.m3u8", name: "a/index.m3u8", muxer: "hls"},
		{output: "a/manifest.mpd", name: "a/manifest.mpd", muxer: "dash"},
		{output: "-f mpegts udp://239.0.0.1:5000", name: "udp://239.0.0.1:5000", last: "udp://239.0.0.1:5000", muxer: "mpegts"},
		{output: "-f mpegts 'srt://h:1?mode=caller&passphrase=0123456789'", name: "srt://h:1",
			last: "srt://h:1?mode=caller&passphrase=0123456789", muxer: "mpegts"},
		{output: `-metadata title="a b" -map 0:v -shortest out.mkv`, name: "out.mkv", last: "out.mkv", muxer: "matroska"},
		{output: "-c:v copy -bsf:v dump_extra out.ts", name: "out.ts", last: "out.ts", muxer: "mpegts"},
		{output: "-f tee '[f=mpegts]udp://h:1|[f=flv]rtmp://h/app/key'", name: "[f=mpegts]udp://h:1|[f=flv]rtmp://h/app",
			last: "[f=mpegts]udp://h:1|[f=flv]rtmp://h/app/key", muxer: "tee"},
		{output: "-f mpegts $HOME", name: "$HOME", last: "$HOME", muxer: "mpegts"},
		{output: "-f mpegts '`id`'", name: "`id`", last: "`id`", muxer: "mpegts"},

		{output: "", err: "empty"},
		{output: " \t", err: "empty"},
		{output: "a\x00.ts", err: "NUL"},
		{output: "out", err: "neither a scheme nor an extension"},
		{output: "out.xyz", err: `extension ".xyz"`},
		{output: "foo://host", err: `scheme "foo"`},
		{output: "http://host/live", err: "neither a scheme"},
		{output: "-", err: "standard output"},
		{output: "pipe:1", err: "neither"},
		{output: "-f mpegts -", err: "standard output"},
		{output: "-f mpegts pipe:1", err: "standard output"},
		{output: "-f mpegts", err: "no output"},
		{output: "-f", err: "no value"},
		{output: "-i other.ts out.ts", err: "only input is the stream"},
		{output: "-f mpegts -i", err: "only input"},
		{output: "-f mpegts a.ts -i b.ts", err: "come last"},
		{output: "a.ts -f mpegts", err: "come last"},
		{output: "-f mpegts a.ts b.ts", err: "come last"},
		{output: "-filter_complex movie=x.ts out.ts", err: "without filters"},
		{output: "-filter:v movie=x.ts out.ts", err: "without filters"},
		{output: "-/filter_complex f.txt out.ts", err: "no option"},
		{output: "-attach x.ttf out.mkv", err: "only input"},
		{output: "-c:v libx264 out.ts", err: "no other codec"},
		{output: "-vcodec libx264 out.ts", err: "no other codec"},
		{output: "-benchmark a.ts b.ts", err: "how ffmpeg reports"},
		{output: "-nostats a.ts", err: "how ffmpeg reports"},
		{output: "-re a.ts", err: "how the stream is read"},
		{output: "-copyts a.ts b.ts", err: "how the stream is read"},
		{output: "-n a.ts", err: "with -y"},
		{output: "-no a.ts", err: "with -y"},
		{output: "-h full", err: "run ffmpeg by hand"},
		{output: "-- a.ts", err: "no option"},
		{output: "--i a.ts b.ts", err: "no option"},
		{output: "-f mpegts srt://h:1?mode=caller&latency=2", err: "character 32"},
		{output: "-f mpegts a.ts; rm b", err: "character 15"},
		{output: "-f mpegts 'a.ts", err: "can't be split"},
		{output: "-f mpegts $(id)", last: "$(id)", name: "$(id)", muxer: "mpegts"},
		{output: "-metadata", err: "no value"},
	}
}

func TestParseRelay(t *testing.T) {
	for _, c := range relayCases() {
		t.Run(c.output, func(t *testing.T) {
			s, err := ParseRelay(c.output)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || s.output != "" {
					t.Fatalf("error %v, want %q; output %q", err, c.err, s.output)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.last == "" {
				c.last = c.output
			}
			if s.Name != c.name || s.output != c.last || s.carrier.muxer != c.muxer {
				t.Errorf("name %q, output %q, muxer %q, want %q, %q, %q", s.Name, s.output, s.carrier.muxer, c.name, c.last, c.muxer)
			}
			args := s.arguments(s.output, 0)
			if args[len(args)-1] != c.last {
				t.Errorf("arguments end with %q", args[len(args)-1])
			}
			if n := count(args, "-i"); n != 1 {
				t.Errorf("%d inputs in %q", n, args)
			}
		})
	}
}

func count(list []string, word string) (n int) {
	for _, w := range list {
		if w == word {
			n++
		}
	}
	return n
}

// FuzzParseRelay: whatever is read, ffmpeg gets one input and the output last, and an error says something.
func FuzzParseRelay(f *testing.F) {
	for _, c := range relayCases() {
		f.Add(c.output)
	}
	f.Fuzz(func(t *testing.T, output string) {
		s, err := ParseRelay(output)
		if err != nil {
			if s.output != "" || len(err.Error()) < 20 {
				t.Errorf("error %q with output %q", err, s.output)
			}
			return
		}
		args := s.arguments(s.output, 1)
		if s.output == "" || args[len(args)-1] != s.output {
			t.Errorf("%q ends %q", output, args[len(args)-1])
		}
		s.redactText(output)
		s.redactAll(args)
	})
}

func TestRelaySecrets(t *testing.T) {
	for _, output := range []string{
		"srt://host:9000?mode=caller&passphrase=HIDDENhidden&streamid=HIDDENid",
		"rtmp://host/app/HIDDENkey?token=HIDDENtoken",
		"rtmp://me:HIDDENword@host/app/HIDDEN%20key",
		"rtsp://HIDDENme:HIDDENword@host/path",
		"https://host/up.m3u8?cid=HIDDEN",
		"-f mpegts -passphrase HIDDENphrase srt://host:1",
		"-headers 'Authorization: HIDDEN' -f mpegts http://host/x.ts",
		"-rtmp_playpath HIDDENkey -f flv rtmp://host/app",
		"-f tee '[f=mpegts]srt://h:1?passphrase=HIDDENphrase|[f=flv]rtmp://h/app/HIDDENkey'",
	} {
		s, err := ParseRelay(output)
		if err != nil {
			t.Fatal(err)
		}
		shown := s.Name + strings.Join(s.redactAll(s.arguments(s.output, 0)), " ") +
			s.redactText("[srt] "+s.output+": Input/output error") + s.redactText("rejected: "+output)
		if strings.Contains(shown, "HIDDEN") {
			t.Errorf("%s: shown: %s", output, shown)
		}
		if !strings.Contains(s.redactText("mode=caller pkt_size"), "mode=caller pkt_size") {
			t.Error("words that are no secrets are hidden")
		}
	}
}

func TestRelayPresets(t *testing.T) {
	c := testChannel()
	c.Window = 6
	for name, make := range map[string]func(string, markers.Channel) (RelaySpec, error){
		"mpegts": func(d string, c markers.Channel) (RelaySpec, error) { return HLSRelay(d, "mpegts", c) },
		"fmp4":   func(d string, c markers.Channel) (RelaySpec, error) { return HLSRelay(d, "fmp4", c) },
		"dash":   DASHRelay,
	} {
		if _, err := make("", c); err == nil {
			t.Errorf("%s: no folder is accepted", name)
		}
		if _, err := make("a%d", c); err == nil {
			t.Errorf("%s: a pattern is accepted", name)
		}
		if _, err := make("a", markers.Channel{}); err == nil {
			t.Errorf("%s: no channel is accepted", name)
		}
		s, err := make("a b/c", c)
		if err != nil || s.dir != "a b/c" || !slices.Contains(s.options, "6") || !slices.Contains(s.options, "0.980000") {
			t.Errorf("%s: %v, folder %q, options %q", name, err, s.dir, s.options)
		}
	}
	if _, err := HLSRelay("a", "webm", c); err == nil || !strings.Contains(err.Error(), "mpegts or fmp4") {
		t.Errorf("webm: %v", err)
	}
}

// TestRelayFileNames: a file that is there is never written over.
func TestRelayFileNames(t *testing.T) {
	dir := t.TempDir()
	s, err := ParseRelay(filepath.Join(dir, "a.b.ts"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a.b.ts", "a.b-2.ts", "a.b-3.ts"} {
		name, err := s.prepare()
		if err != nil || name != filepath.Join(dir, want) {
			t.Fatalf("%s, %v; want %s", name, err, want)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, again := range []string{"/dev/null.ts", "-y -f mpegts " + filepath.Join(dir, "a.b.ts"), "-f mpegts /dev/null"} {
		s, err := ParseRelay(again)
		if err != nil {
			t.Fatal(err)
		}
		if name, err := s.prepare(); err != nil || name != s.output {
			t.Errorf("%s: %s, %v", again, name, err)
		}
	}
}
