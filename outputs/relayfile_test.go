package outputs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/internal/testunix"
)

// A file that is there is never written over, and one that a relay takes is no other's.
func TestRelayFileNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a%02d.b.ts")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	numbered := func(n int) string { return strings.Replace(file, "b.ts", fmt.Sprintf("b-%d.ts", n), 1) }
	one, two := parseRelayTest(t, file), parseRelayTest(t, "file:"+file)
	for i, s := range []RelaySpec{one, two, one} {
		want := numbered(i + 2)
		output, made, err := s.prepare()
		if err != nil || made != want || output != "file:"+want {
			t.Fatalf("%s, %s, %v; want %s", output, made, err, want)
		}
	}
	removeEmpty(numbered(3))
	if _, made, err := one.prepare(); err != nil || made != numbered(3) {
		t.Errorf("the name of an empty file is not used again: %s, %v", made, err)
	}
	removeEmpty(file)
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	if output, made, err := parseRelayTest(t, "tcp://h:1").prepare(); err != nil || output != "tcp://h:1" || made != "" {
		t.Errorf("%s, %s, %v", output, made, err)
	}
}

// A pipe is no file that is written over.
func TestRelayIntoPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "a.ts")
	if err := testunix.MakeFIFO(pipe); err != nil {
		t.Fatal(err)
	}
	if output, made, err := parseRelayTest(t, pipe).prepare(); err != nil || output != "file:"+pipe || made != "" {
		t.Errorf("%s, %s, %v", output, made, err)
	}
}

// Where a file can't be filled it is not left, however often that is tried.
func TestRelayLeavesNoEmptyFiles(t *testing.T) {
	s, dir := relaySource{newSource(t, 0), 0}, t.TempDir()
	h, log := newRelayHub(t, func(o *Options) { o.FFmpeg = shellScript(t, "ulimit -f 0; trap '' XFSZ; exec ffmpeg \"$@\"") })
	stop, wait := startRelayTest(t, h, parseRelayTest(t, filepath.Join(dir, "a.mkv")))
	s.write2(t, h, 0, 60)
	eventually(t, "the third failure", func() bool { return relayStatus(h).Reconnects >= 3 })
	stop()
	if err := wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 0 {
		t.Errorf("%q is left, %v\n%s", left, err, log)
	}
}

// An output that nobody has connected to has no end to be written.
func TestRelayListenerStopsAtOnce(t *testing.T) {
	for name, output := range map[string]string{
		"srt": "srt://127.0.0.1:" + freeUDPPort(t) + "?mode=listener",
		"tcp": "tcp://127.0.0.1:" + freeUDPPort(t) + "?listen=1",
	} {
		for _, how := range []string{"context", "end of stream"} {
			t.Run(name+", "+how, func(t *testing.T) {
				s, dir := relaySource{newSource(t, 0), 0}, t.TempDir()
				h, _ := newRelayHub(t, func(o *Options) { o.FFmpeg = pidScript(t, dir) })
				h.times.kill = relayKill // it need not take the interrupt; but it may not get the time for a trailer
				stop, wait := startRelayTest(t, h, parseRelayTest(t, output))
				s.write2(t, h, 0, 50)
				eventually(t, "the listener", func() bool { return relayStatus(h).State == StateRunning })
				pid := pidOf(t, dir)
				want := context.Canceled
				if how == "context" {
					stop()
				} else {
					h.Close()
					want = nil
				}
				if err := wait(); !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				if status := relayStatus(h); !isGone(pid) || status.LastError != "" {
					t.Errorf("gone %t, %+v", isGone(pid), status)
				}
			})
		}
	}
}
