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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/outputs/ts"
)

// patience is how long anything here may take, on the slowest machine.
const patience = 2 * time.Minute

// clock is a wall clock that stands, and is moved by hand.
type clock struct {
	at atomic.Int64 // nanoseconds since begin
}

func (c *clock) now() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.at.Load()))
}

func (c *clock) pass(d time.Duration) { c.at.Add(int64(d)) }

// idle is a follower that looks at nothing.
type idle struct {
	grown    atomic.Int64
	finished chan struct{}
	err      error // of Run
}

func (f *idle) Run(ctx context.Context) error {
	if f.err != nil {
		return f.err
	}
	select {
	case <-f.finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (f *idle) Grown()                { f.grown.Add(1) }
func (f *idle) Finish()               { close(f.finished) }
func (f *idle) Scanned() (int64, int) { return 0, 0 }

// logged is what a logger was told.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// station is a recording that runs.
type station struct {
	t       testing.TB
	session Session
	clock   *clock
	idle    *idle
	log     *logged
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // of run, once ended is closed
}

// record starts recording into dir. o gets what it lacks.
func record(t testing.TB, o Options, limits times) *station {
	t.Helper()
	s := &station{t: t, clock: &clock{}, idle: &idle{finished: make(chan struct{})}, log: &logged{}, ended: make(chan struct{})}
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Session == "" {
		o.Session = "test"
	}
	if o.Now == nil {
		o.Now = s.clock.now
	}
	if o.Listen = "tcp://127.0.0.1:0"; o.Listener != nil {
		o.Listen = ""
	}
	o.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ready := make(chan Session, 1)
	o.Ready = func(s Session) { ready <- s }
	ctx, cancel := context.WithCancel(t.Context())
	s.cancel = cancel
	go func() {
		defer close(s.ended)
		s.err = run(ctx, o, limits, func(Options, string) (follower, error) { return s.idle, nil })
	}()
	t.Cleanup(func() { cancel(); <-s.ended })
	select {
	case s.session = <-ready:
	case <-s.ended:
		t.Fatalf("run: %v", s.err)
	case <-time.After(patience):
		t.Fatal("not ready")
	}
	return s
}

// stop ends the recording, which must go well.
func (s *station) stop() {
	s.t.Helper()
	s.cancel()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.t.Fatal("not stopped")
	}
	if s.err != nil {
		s.t.Fatalf("run: %v", s.err)
	}
}

// dial connects as a sender does.
func (s *station) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.session.Address, "tcp://"))
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
	all, err := Connections(s.session.Folder)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s *station) file() string { return filepath.Join(s.session.Folder, recordingFile) }

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
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-late:
			s.t.Fatalf("it is not so that %s\nlog:\n%s", what, s.log)
		}
	}
}

// command runs a program that must succeed, and returns what it printed; errors too are shown.
func command(t testing.TB, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

// stream has ffmpeg make a transport stream of a moving picture with B-frames and a tone. arguments go before the output.
func stream(t testing.TB, seconds int, arguments ...string) []byte {
	t.Helper()
	d := strconv.Itoa(seconds)
	args := []string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=" + d, "-f", "lavfi", "-i", "sine=d=" + d,
		"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-b:v", "200k", "-c:a", "aac", "-shortest",
	}
	return made.get(t, fmt.Sprint("stream", d, arguments), func() ([]byte, error) {
		return output(exec.Command("ffmpeg", append(append(args, arguments...), "-f", "mpegts", "-")...))
	})
}

// stamp is a packet as ffprobe sees it: 90 kHz ticks.
type stamp struct {
	stream   int
	pts, dts int64
}

// probe has ffprobe list the packets of a file.
func probe(t testing.TB, name string) []stamp {
	t.Helper()
	return stamps(t, command(t, "ffprobe", probing(name)...))
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
	out := made.get(t, fmt.Sprintf("probed %x", sha256.Sum256(stream)), func() ([]byte, error) {
		cmd := exec.Command("ffprobe", probing("-")...)
		cmd.Stdin = bytes.NewReader(stream)
		return output(cmd)
	})
	return stamps(t, string(out))
}

// decodes has ffmpeg decode a file, which must have nothing to say against it.
func decodes(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF) || err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}
