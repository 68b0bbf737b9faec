package outputs

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

type relayCase struct {
	output string
	name   string // shown
	muxer  string
	err    string // a part of it; empty: none
}

func relayCases() []relayCase {
	return []relayCase{
		{output: "srt://host:9000?passphrase=0123456789", name: "srt://host:9000", muxer: "mpegts"},
		{output: "udp://239.0.0.1:5000?ttl=2", name: "udp://239.0.0.1:5000", muxer: "mpegts"},
		{output: "tcp://host:4444", name: "tcp://host:4444", muxer: "mpegts"},
		{output: "rtp://[::1]:5004", name: "rtp://[::1]:5004", muxer: "rtp_mpegts"},
		{output: "rtsp://me:secret@host/live", name: "rtsp://host/live", muxer: "rtsp"},
		{output: "out.TS", name: "out.TS", muxer: "mpegts"},
		{output: "  dir/my show - part 1.mkv ", name: "dir/my show - part 1.mkv", muxer: "matroska"},
		{output: "file:a.mp4", name: "a.mp4", muxer: "mp4"},
		{output: "file:///tmp/a.mov", name: "/tmp/a.mov", muxer: "mov"},
		{output: "a:b.flv", name: "a:b.flv", muxer: "flv"},

		{output: " \t", err: "empty"},
		{output: "a\x00.ts", err: "control"},
		{output: "a\nb.ts", err: "control"},
		{output: "out", err: "extension"},
		{output: "out.xyz", err: "extension"},
		{output: "pipe:1", err: "extension"},
		{output: "-", err: "curl"},
		{output: "-f mpegts udp://239.0.0.1:5000", err: "curl"},
		{output: "https://host/up.ts?cid=SECRET", err: "curl"},
		{output: "rtmp://host/app/SECRET", err: "--push"},
		{output: "a/index.m3u8", err: "--container"},
		{output: "a/manifest.mpd", err: "--dash"},
		{output: "srt://", err: "scheme://host:port"},
		{output: "srt://me:SEC%zzRET@host", err: "scheme://host:port"},
	}
}

func TestParseRelay(t *testing.T) {
	for _, c := range relayCases() {
		t.Run(c.output, func(t *testing.T) {
			s, err := ParseRelay(c.output)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "SEC") || s.muxer != "" {
					t.Fatalf("error %v, want %q; muxer %q", err, c.err, s.muxer)
				}
				return
			}
			if err != nil || s.Name != c.name || s.muxer != c.muxer {
				t.Errorf("%v, name %q, muxer %q, want %q, %q", err, s.Name, s.muxer, c.name, c.muxer)
			}
		})
	}
}

// TestRelayWaits tells an output that waits for somebody from others.
func TestRelayWaits(t *testing.T) {
	for output, want := range map[string]bool{
		"srt://h:1?mode=listener": true, "srt://h:1?latency=1&mode=listener": true, "srt://h:1?mode=caller": false, "srt://h:1": false,
		"tcp://h:1?listen": true, "tcp://h:1?listen=1": true, "tcp://h:1?listen=0": false, "a.ts": false,
	} {
		if s := parseRelayTest(t, output); s.waits != want {
			t.Errorf("%s: waits %t", output, s.waits)
		}
	}
}

// FuzzParseRelay: whatever is read, ffmpeg gets one input and the output last, and an error says something.
func FuzzParseRelay(f *testing.F) {
	for _, c := range relayCases() {
		f.Add(c.output)
	}
	f.Fuzz(func(t *testing.T, output string) {
		s, err := ParseRelay(output)
		if err != nil {
			if s.muxer != "" || len(err.Error()) < 20 {
				t.Errorf("error %q with muxer %q", err, s.muxer)
			}
			return
		}
		if (s.output == "") == (s.file == "") || !utf8.ValidString(s.Name) || len(s.Name) > maxShown || strings.HasPrefix(s.output, "-") {
			t.Errorf("%q: output %q, file %q, name %q", output, s.output, s.file, s.Name)
		}
	})
}

func TestRelaySecrets(t *testing.T) {
	for _, output := range []string{
		"srt://host:9000?mode=caller&passphrase=HIDDENhidden&streamid=HIDDENid",
		"rtsp://HIDDENme:HIDDENword@host/path",
		"rtsp://HIDDENme:HIDDEN%20word@host/path",
		"srt://host:9000?passphrase=one|HIDDEN]two HIDDEN'three\"HIDDEN&x=HIDDEN",
		"srt://host:9000?passphrase=HIDDEN#HIDDEN",
		"tcp://127.0.0.1:1?k=HIDDENkey",
	} {
		s := parseRelayTest(t, output)
		said := &relayLog{hide: s.secrets.Hide}
		all := s.Name + strings.Join(s.arguments(""), " ")
		for _, line := range []string{"[srt @ 0x55cc7a16b880] " + output + ": Input/output error", "rejected: " + strings.ReplaceAll(output, "%20", " ")} {
			all += said.edit(line)
		}
		if strings.Contains(all, "HIDDEN") {
			t.Errorf("%s: shown: %s", output, all)
		}
		if line := said.edit("[srt @ 0x55cc7a16b880] mode=caller pkt_size"); line != "[srt] mode=caller pkt_size" {
			t.Errorf("words that are no secrets are hidden: %s", line)
		}
	}
}

// Names are labels of metrics, and stand in lines of the log.
func TestRelayNames(t *testing.T) {
	for _, output := range []string{
		"a\xff.ts", "a\u202eb.ts", "a/" + strings.Repeat("é/", 400) + "x.ts", "srt://host/" + strings.Repeat("é", 500) + "?x=1",
	} {
		s := parseRelayTest(t, output)
		if !utf8.ValidString(s.Name) || len(s.Name) > maxShown || s.Name == "" || strings.ContainsFunc(s.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: name %q", output, s.Name)
		}
	}
}
