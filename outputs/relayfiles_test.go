package outputs

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
)

// relayAll relays units [0, to) and the end of the stream.
func relayAll(t *testing.T, s relaySource, spec RelaySpec, from, to int) (log string) {
	t.Helper()
	h, l := newRelayHub(t)
	_, wait := startRelayTest(t, h, spec)
	s.write2(t, h, from, from+1)
	flows(t, h)
	s.write2(t, h, from+1, to)
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	return l.String()
}

func TestRelayToFiles(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		unit  int64 // of its time stamps
		shift int64
		exact bool // DTS as well, and data not packed in another way
	}{
		"a.ts":  {1, nearWrap, true},
		"b.ts":  {1, 20 * 3600 * 90000, true},
		"a.mp4": {1, 20 * 3600 * 90000, false},
		"a.mov": {1, 0, false},
		"a.mkv": {90, 20 * 3600 * 90000, false},
		"a.flv": {90, 20 * 3600 * 90000, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, file := relaySource{newSource(t, 0), c.shift}, filepath.Join(dir, name)
			log := relayAll(t, s, parseRelayTest(t, file), 0, 150)
			if c.exact {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				checkTS(t, s, b, 150, 0)
				return
			}
			samePTS(t, name, relayProbe(t, "v", c.unit, file), s, 0, 150)
			if strings.Contains(log, "level=ERROR") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// samePTS compares the PTS of units [from, to) where the time of a file has another unit than ticks and pictures are packed
// in another way.
func samePTS(t *testing.T, what string, got []packet, s relaySource, from, to int) {
	t.Helper()
	if len(got) != to-from {
		t.Errorf("%s: %d frames, want %d", what, len(got), to-from)
		return
	}
	for i, p := range got {
		if want := s.unit(from + i); p.pts != want.PTS&media.PTSMask || p.key != want.Key {
			t.Errorf("%s: frame %d has PTS %d, key %t, want %d, %t", what, i, p.pts, p.key, want.PTS, want.Key)
			return
		}
	}
}

// A relay whose program takes nothing for a while misses what the hub no longer keeps, says so, and goes on at a key frame.
func TestRelayFallsBehind(t *testing.T) {
	s, dir := relaySource{newSource(t, 20000), 0}, t.TempDir()
	awake, file := filepath.Join(dir, "awake"), filepath.Join(dir, "a.ts")
	h, log := newHub(t, func(o *Options) {
		o.FFmpeg = shellScript(t, "until [ -e '"+awake+"' ]; do sleep 0.05; done; exec ffmpeg \"$@\"")
	})
	_, wait := startRelayTest(t, h, parseRelayTest(t, file))
	s.write2(t, h, 0, 1)
	flows(t, h)
	const to = 20 * testGOP
	s.write2(t, h, 1, to) // a pipe holds three of them, and the hub some seconds
	if err := os.WriteFile(awake, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it to be said", func() bool { return strings.Contains(log.String(), "the relay is too slow") })
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	got := relayProbe(t, "v", 1, file)
	at := slices.IndexFunc(got, func(p packet) bool { return p.pts > s.unit(testGOP).PTS })
	if at < 1 || !got[at].key || got[0].pts != s.unit(0).PTS {
		t.Fatalf("%d frames, after the gap from %d on", len(got), at)
	}
	samePTS(t, "after the gap", got[at:], s, to-len(got[at:]), to)
}

// A file ends where ffmpeg was killed, and is readable up to there; the next one is another one.
func TestRelayKilledLeavesFiles(t *testing.T) {
	for _, ext := range []string{".mp4", ".mkv", ".ts"} {
		t.Run(ext, func(t *testing.T) {
			s := relaySource{newSource(t, 0), 0}
			dir := t.TempDir()
			h, _ := newRelayHub(t, func(o *Options) { o.FFmpeg = pidScript(t, dir) })
			_, wait := startRelayTest(t, h, parseRelayTest(t, filepath.Join(dir, "a"+ext)))
			s.write2(t, h, 0, 1)
			flows(t, h)
			s.write2(t, h, 1, 80)
			one, two := filepath.Join(dir, "a"+ext), filepath.Join(dir, "a-2"+ext)
			eventually(t, "half of it to be in the file", func() bool {
				info, err := os.Stat(one)
				return err == nil && info.Size() > int64(len(s.stream(t, 40)))
			})
			kill9(t, dir)
			eventually(t, "the relay to begin again", func() bool {
				s := relayStatus(h)
				return s.Reconnects > 0 && s.ClientsTotal == 1 && s.State != StateRunning
			})
			s.write2(t, h, 80, 150)
			h.Close()
			if err := wait(); err != nil {
				t.Error(err)
			}
			unit := int64(1)
			if ext == ".mkv" {
				unit = 90
			}
			got := relayProbe(t, "v", unit, one)
			if len(got) < 20 {
				t.Errorf("%d frames are left in the first file", len(got))
			}
			samePTS(t, "first", got, s, 0, len(got))
			got = relayProbe(t, "v", unit, two)
			samePTS(t, "second", got, s, 150-len(got), 150)
		})
	}
}

// A relay whose output can't be written says so, goes on trying, and leaves nothing.
func TestRelayFails(t *testing.T) {
	s := relaySource{newSource(t, 0), 0}
	for name, c := range map[string]struct{ output, ffmpeg, want string }{
		"bad option":      {"srt://127.0.0.1:9?passphrase=secret", "", "SRTO_PASSPHRASE"},
		"no folder":       {filepath.Join(t.TempDir(), "none", "a.ts"), "", "no such file or directory"},
		"refused":         {"rtsp://me:secret@127.0.0.1:1/app", "", "Connection refused"},
		"no ffmpeg":       {"out.ts", "/nowhere/ffmpeg", "not found"},
		"ends by itself":  {"out.ts", shellScript(t, "head -c 5000 >/dev/null"), "before its input did"},
		"says what it is": {"out.ts", "/bin/false", "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			h, log := newRelayHub(t, func(o *Options) { o.FFmpeg = cmp.Or(c.ffmpeg, "ffmpeg") })
			stop, wait := startRelayTest(t, h, parseRelayTest(t, c.output))
			s.write2(t, h, 0, 60)
			eventually(t, "the second failure", func() bool { return relayStatus(h).Reconnects >= 2 })
			status := relayStatus(h)
			if !strings.Contains(status.LastError, c.want) || !strings.Contains(log.String(), c.want) {
				t.Errorf("last error %q, want %q in it\n%s", status.LastError, c.want, log)
			}
			if strings.Contains(log.String()+status.LastError, "secret") {
				t.Errorf("the key shows: %s", log)
			}
			stop()
			if err := wait(); !errors.Is(err, t.Context().Err()) && err == nil {
				t.Error("no error")
			}
		})
	}
}
