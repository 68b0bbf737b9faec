package live

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

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
		{output: "-f mpegts udp://239.0.0.1:5000", name: "mpegts udp://239.0.0.1:5000", last: "udp://239.0.0.1:5000", muxer: "mpegts"},
		{output: "-f mpegts 'srt://h:1?mode=caller&passphrase=0123456789'", name: "mpegts srt://h:1",
			last: "srt://h:1?mode=caller&passphrase=0123456789", muxer: "mpegts"},
		{output: `-metadata title="a b" -map 0:v -shortest out.mkv`, name: "matroska out.mkv", last: "out.mkv", muxer: "matroska"},
		{output: "-c:v copy -bsf:v dump_extra out.ts", name: "mpegts out.ts", last: "out.ts", muxer: "mpegts"},
		{output: "-f tee '[f=mpegts]udp://h:1|[f=flv]rtmp://h/app/key'", name: "tee udp://h:1 | rtmp://h",
			last: "[f=mpegts]udp://h:1|[f=flv]rtmp://h/app/key", muxer: "tee"},
		{output: "-f mpegts $HOME", name: "mpegts $HOME", last: "$HOME", muxer: "mpegts"},
		{output: "-f mpegts '`id`'", name: "mpegts `id`", last: "`id`", muxer: "mpegts"},

		{output: "", err: "empty"},
		{output: " \t", err: "empty"},
		{output: "a\x00.ts", err: "NUL"},
		{output: "out", err: "neither a scheme nor an extension"},
		{output: "out.xyz", err: `extension ".xyz"`},
		{output: "foo://host", err: `scheme "foo"`},
		{output: "http://host/live", err: "neither a scheme"},
		{output: "-", err: "standard output"},
		{output: "pipe:1", err: "standard output"},
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
		{output: "-f mpegts $(id)", last: "$(id)", name: "mpegts $(id)", muxer: "mpegts"},
		{output: "-metadata", err: "no value"},

		{output: "file:file:a.mp4", name: "a.mp4", last: "a.mp4", muxer: "mp4"},
		{output: "tcp:127.0.0.1:1?k=x", name: "tcp:127.0.0.1:1", muxer: "mpegts"},
		{output: "unix:/run/a.sock", name: "unix:/run/a.sock", muxer: "mpegts"},
		{output: "-f mpegts -y tee:a.ts|b.ts", err: "character"},
		{output: "-f mpegts -y 'tee:a.ts|b.ts'", err: "wraps another"},
		{output: "md5:a.ts", err: "wraps another"},
		{output: "crypto+file:a.ts", err: "wraps another"},
		{output: "/dev/stdout", err: "standard output"},
		{output: "-f mpegts /dev/../dev//stderr", err: "standard output"},
		{output: "-f mpegts file:/dev/stdin", err: "standard output"},
		{output: "-f mpegts /proc/self/fd/1", err: "standard output"},
		{output: "-f mpegts /dev/fd/1", err: "standard output"},
		{output: "-f mpegts fd:", err: "standard output"},
		{output: "-f tee '[f=mpegts]udp://h:1|[f=mpegts]pipe:1'", err: "standard output"},
		{output: "-f tee '[f=mpegts]udp://h:1|[f=mpegts]/dev/stdout'", err: "standard output"},
		{output: `-f tee '[f=mpegts]udp://h:1|p\ipe:1'`, err: "standard output"},
		{output: "-f tee '[f=mpegts]udp://h:1|[f=tee]x'", err: "can't be tee"},
		{output: "-f tee '[f=mpegts:udp://h:1'", err: "not closed"},
		{output: "-f fifo -fifo_format tee 'a.ts|b.ts'", err: "use -f tee"},
		{output: "-f tee '[f=mpegts]udp://h:1|a.ts'", err: "with -y"},
		{output: "-y -f tee '[f=mpegts]udp://h:1|a.ts'", name: "tee udp://h:1 | a.ts", last: "[f=mpegts]udp://h:1|a.ts", muxer: "tee"},
		{output: "-f hls -hls_segment_filename /dev/stdout a.m3u8", err: "standard output"},
		{output: "-f segment out%03d.ts", err: "with -y"},
		{output: "-f image2 a.jpg", err: "with -y"},
		{output: "-f mpegts " + os.TempDir(), err: "is a folder"},
		{output: "-f mpegts none/", err: "is a folder"},
		{output: "/dev/null/a.ts", err: "that is a file"},
		{output: strings.Repeat("a", 300) + ".ts", err: "too long"},
		{output: strings.Repeat("a", 130<<10) + ".ts", err: "are the most"},
		{output: "-t 5 a.ts", err: "has no end"},
		{output: "-fs 5000 a.ts", err: "has no end"},
		{output: "-frames:v 5 a.ts", err: "has no end"},
		{output: "-target pal-dvd a.mpg", err: "it copies"},
		{output: "-fpre x a.mpg", err: "it copies"},
		{output: "-auto_conversion_filters a.ts b.ts", err: "it copies"},
		{output: "-noauto_conversion_filters a.ts b.ts", err: "it copies"},
		{output: "-sdp_file a.sdp b.ts", err: "how ffmpeg reports"},
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
		s.shownArguments(s.output, 1)
		if !utf8.ValidString(s.Name) || len(s.Name) > maxShown {
			t.Errorf("name %q", s.Name)
		}
	})
}

func TestRelaySecrets(t *testing.T) {
	for _, output := range []string{
		"srt://host:9000?mode=caller&passphrase=HIDDENhidden&streamid=HIDDENid",
		"rtmp://host/app/HIDDENkey?token=HIDDENtoken",
		"rtmp://me:HIDDENword@host/app/HIDDEN%20key",
		"rtmp://host/app playpath=HIDDENpath token=HIDDENtoken",
		"rtsp://HIDDENme:HIDDENword@host/path",
		"rtsp://me:HID/DEN/HIDDENword@host/path",
		"https://host/up.m3u8?cid=HIDDEN",
		"srt://host:9000?passphrase=one|HIDDEN]two HIDDEN'three\"HIDDEN&x=HIDDEN",
		"tcp:127.0.0.1:1?k=HIDDENkey",
		"a.ts?token=HIDDEN",
		"-f mpegts -passphrase HIDDENphrase srt://host:1",
		"-f mpegts 'srt://host:9000?passphrase=one|HIDDEN]two HIDDEN\"three'",
		"-f mpegts tcp:127.0.0.1:1?k=HIDDENkey",
		"-f mpegts http://host/HIDDENpath/x.ts",
		"-headers 'Authorization: Basic HIDDEN' -f mpegts http://host/x.ts",
		"-f hls -http_opts 'headers=Authorization\\: HIDDEN' http://host/x.m3u8",
		"-f dash -format_options movflags=cmaf:key=HIDDENkey http://host/x.mpd",
		"-f fifo -fifo_format mpegts -format_opts passphrase=HIDDENphrase srt://host:1",
		"-rtmp_playpath HIDDENkey -f flv rtmp://host/app",
		"-f flv 'rtmp://host/app playpath=HIDDENpath token=HIDDENtoken'",
		"-f tee '[f=mpegts]srt://h:1?passphrase=HIDDENphrase|[f=flv]rtmp://h/app/HIDDENkey'",
		"-f tee '[f=mpegts:passphrase=HIDDENphrase]srt://h:1|[f=flv:rtmp_conn=HIDDENconn]rtmp://h/app/x'",
		"-f tee '[f=hls:http_opts=headers\\=HIDDENhead]http://h/HIDDEN/x.m3u8'",
	} {
		s, err := ParseRelay(output)
		if err != nil {
			t.Fatalf("%s: %v", output, err)
		}
		said := s.Name + strings.Join(s.shownArguments(s.output, 0), " ") +
			s.redactText("[srt] "+s.output+": Input/output error") + s.redactText("rejected: "+output)
		for _, word := range strings.FieldsFunc(output, func(r rune) bool { return strings.ContainsRune(" '\"&=|]?@/:\\", r) }) {
			if strings.HasPrefix(word, "HIDDEN") {
				said += s.redactText("rejected: " + word)
			}
		}
		if strings.Contains(said, "HIDDEN") {
			t.Errorf("%s: shown: %s", output, said)
		}
		if !strings.Contains(s.redactText("mode=caller pkt_size"), "mode=caller pkt_size") {
			t.Error("words that are no secrets are hidden")
		}
	}
}

// What is refused may be a secret that lacks its option.
func TestRelayRefusalsAreSilent(t *testing.T) {
	for _, output := range []string{
		"-f mpegts a.ts HIDDEN -y", "--HIDDEN a.ts", "-f mpegts -HIDDEN", "HIDDENscheme://host", "a.HIDDENextension",
		"http://host/a.HIDDENextension", "http://me:HIDDEN%zz@host/a.ts", "-c HIDDEN a.ts", "-f mpegts 'HIDDEN", "HIDDEN",
		"-HIDDEN:x 1 -t a.ts", "-f tee '[passphrase=HIDDEN", "-f mpegts -passphrase HIDDEN -- a.ts",
	} {
		if s, err := ParseRelay(output); err == nil || strings.Contains(err.Error(), "HIDDEN") {
			t.Errorf("%s: %v, %q", output, err, s.Name)
		}
	}
}

// Names are labels of metrics, and stand in lines of the log.
func TestRelayNames(t *testing.T) {
	for _, output := range []string{
		"a\xff.ts", "a\nb.ts", "a\x1b[31m.ts", "a\u202eb.ts", "a/" + strings.Repeat("é/", 400) + "x.ts",
		"srt://host/" + strings.Repeat("é", 500) + "?x=1", "-f mpegts 'a\nb'",
	} {
		s, err := ParseRelay(output)
		if err != nil {
			t.Errorf("%q: %v", output, err)
			continue
		}
		if !utf8.ValidString(s.Name) || len(s.Name) > 200 || s.Name == "" || strings.ContainsFunc(s.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: name %q", output, s.Name)
		}
	}
}

// TestRelayKnowsFlags asks ffmpeg which of its own options have no value: each of them must be known here, or it would hide
// an output.
func TestRelayKnowsFlags(t *testing.T) {
	help, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-h", "long").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for line := range strings.Lines(string(help)) {
		// Those with a value mostly say what it is, and two blanks end that.
		head, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		name, ok := strings.CutPrefix(head, "-")
		if !ok || name == "" || strings.Contains(name, " ") {
			continue
		}
		if relayFlag(name) || refusal(name, "") != "" {
			known++
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		said, _ := exec.CommandContext(ctx, "ffmpeg", "-hide_banner", "-loglevel", "error", "-"+name).CombinedOutput()
		cancel()
		if !strings.Contains(string(said), "Missing argument") {
			t.Errorf("-%s has no value", name)
		}
	}
	if known < 40 {
		t.Errorf("%d options are known: the help is read wrongly", known)
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
	if _, err := HLSRelay("/dev/null", "mpegts", c); err == nil || !strings.Contains(err.Error(), "name a folder") {
		t.Errorf("a file as folder: %v", err)
	}
	if _, err := DASHRelay("/dev/null/x", c); err == nil || !strings.Contains(err.Error(), "name a folder") {
		t.Errorf("a file as parent: %v", err)
	}
	if _, err := HLSRelay("a", "webm", c); err == nil || !strings.Contains(err.Error(), "mpegts or fmp4") {
		t.Errorf("webm: %v", err)
	}
}
