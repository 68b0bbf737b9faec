package splice

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/format/ts"
)

// made are the streams of these tests.
var made dvrtest.Clips

// stream is one of a moving picture and a tone.
func stream(t testing.TB, seconds int, arguments ...string) []byte {
	t.Helper()
	return made.Stream(t, seconds, arguments...)
}

// clock is a wall clock that stands, and is moved by hand.
type clock struct {
	at atomic.Int64 // nanoseconds since begin
}

func (c *clock) now() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.at.Load()))
}

func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

// station is a recording that runs.
type station struct {
	t       testing.TB
	folder  string
	address string // tcp://host:port
	resumed int64
	clock   *clock
	grown   atomic.Int64 // how often that was reported
	log     *dvrtest.Log
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // of Run, once ended is closed
}

// record starts recording into a new folder. o gets what it lacks.
func record(t testing.TB, o Options, limits times) *station {
	t.Helper()
	return recordIn(t, t.TempDir(), listener(t), o, limits)
}

// recordIn is record into a folder, of what comes to l.
func recordIn(t testing.TB, folder string, l net.Listener, o Options, limits times) *station {
	t.Helper()
	s := &station{t: t, folder: folder, address: "tcp://" + l.Addr().String(), clock: &clock{}, log: &dvrtest.Log{}, ended: make(chan struct{})}
	if o.Now == nil {
		o.Now = s.clock.now
	}
	o.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Grown = func() { s.grown.Add(1) }
	files, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	s.resumed = files.Resumed()
	r, err := newReceiver(o, limits, files)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() {
		defer close(s.ended)
		s.err = errors.Join(r.Run(ctx, l), files.Close())
	}()
	t.Cleanup(func() { cancel(); <-s.ended })
	return s
}

// stop ends the recording, which must go well.
func (s *station) stop() {
	s.t.Helper()
	s.cancel()
	select {
	case <-s.ended:
	case <-time.After(dvrtest.Patience):
		s.t.Fatal("not stopped")
	}
	if s.err != nil {
		s.t.Fatalf("run: %v", s.err)
	}
}

// dial connects as a sender does.
func (s *station) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.address, "tcp://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// send sends a stream in a connection of its own, and waits until that is in connections.jsonl.
func (s *station) send(stream []byte) Connection {
	s.t.Helper()
	n := len(s.connections())
	c := s.dial()
	if _, err := c.Write(stream); err != nil {
		s.t.Fatal(err)
	}
	c.Close()
	s.until("the connection is recorded", func() bool {
		all := s.connections()
		return len(all) > n && all[n].Ended != nil
	})
	return s.connections()[n]
}

func (s *station) connections() []Connection {
	s.t.Helper()
	all, err := Connections(s.folder)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s *station) file() string { return filepath.Join(s.folder, RecordingFile) }

// recorded is the recording so far: whole packets, but for a moment within a write.
func (s *station) recorded() (b []byte) {
	s.t.Helper()
	s.until("the recording is whole packets", func() bool {
		var err error
		if b, err = os.ReadFile(s.file()); err != nil {
			s.t.Fatal(err)
		}
		return len(b)%ts.PacketSize == 0
	})
	return b
}

// until waits for something to become so.
func (s *station) until(what string, so func() bool) {
	s.t.Helper()
	dvrtest.Until(s.t, s.log, what, so)
}

// stamp is a packet as ffprobe sees it: 90 kHz ticks.
type stamp struct {
	stream   int
	pts, dts int64
}

// probe has ffprobe list the packets of a file.
func probe(t testing.TB, name string) []stamp {
	t.Helper()
	return stamps(t, dvrtest.Command(t, "ffprobe", probing(name)...))
}

// probing is the arguments of ffprobe, and stamps what it says then.
func probing(name string) []string {
	return []string{"-v", "error", "-show_entries", "packet=stream_index,pts,dts", "-of", "csv=p=0", name}
}

func stamps(t testing.TB, out string) (all []stamp) {
	t.Helper()
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var s stamp
		if _, err := fmt.Sscanf(strings.TrimRight(line, ","), "%d,%d,%d", &s.stream, &s.pts, &s.dts); err != nil {
			t.Fatalf("ffprobe says %q: %v", line, err)
		}
		all = append(all, s)
	}
	return all
}

// probeBytes is the same of a stream in memory, which ffprobe is asked about once a run.
func probeBytes(t testing.TB, stream []byte) (all []stamp) {
	t.Helper()
	out := made.Get(t, fmt.Sprintf("probed %x", sha256.Sum256(stream)), func() ([]byte, error) {
		cmd := exec.Command("ffprobe", probing("-")...)
		cmd.Stdin = bytes.NewReader(stream)
		return dvrtest.Output(cmd)
	})
	return stamps(t, string(out))
}

// decodes has ffmpeg decode a file, which must have nothing to say against it.
func decodes(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), dvrtest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "warning", "-i", name, "-f", "null", "-")
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg decodes %s: %v\n%s", filepath.Base(name), err, out)
	}
}

// goesOn fails the test unless the decoding times of every stream rise, and is the largest step of each.
func goesOn(t testing.TB, all []stamp) map[int]int64 {
	t.Helper()
	last, largest := map[int]int64{}, map[int]int64{}
	for i, s := range all {
		before, ok := last[s.stream]
		last[s.stream] = s.dts
		if !ok {
			continue
		}
		if s.dts <= before {
			t.Errorf("packet %d of stream %d has DTS %d after %d", i, s.stream, s.dts, before)
		}
		largest[s.stream] = max(largest[s.stream], s.dts-before)
	}
	return largest
}

// counted fails the test where a continuity counter is wrong and no discontinuity_indicator says so, and returns how many
// of these there are. It reads packets in its own way.
func counted(t testing.TB, stream []byte) (breaks int) {
	t.Helper()
	last := map[int]int{}
	for at := 0; at+188 <= len(stream); at += 188 {
		p := stream[at : at+188]
		pid, counter := (int(p[1])<<8|int(p[2]))&0x1FFF, int(p[3])&15
		control := int(p[3]) >> 4 & 3
		marked := control >= 2 && p[4] > 0 && p[5]&0x80 != 0
		before, known := last[pid]
		last[pid] = counter
		if marked {
			breaks++
		}
		if !known || marked || pid == 0x1FFF {
			continue
		}
		want := before
		if control&1 != 0 {
			want = (before + 1) % 16
		}
		if counter != want {
			t.Errorf("packet %d, PID %d: counter %d after %d", at/188, pid, counter, before)
		}
	}
	return breaks
}

// closed reports whether the other side has closed a connection.
func closed(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(dvrtest.Patience))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}
