package splice

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// TestRecords: what one sender brings is recorded byte for byte, in whatever pieces it comes.
func TestRecords(t *testing.T) {
	t.Parallel()
	want := stream(t, 2)
	s := record(t, Options{}, defaultTimes())
	c := s.dial()
	pieces := rand.New(rand.NewPCG(1, 2))
	for b := want; len(b) > 0; {
		n := min(1+pieces.IntN(3000), len(b))
		if _, err := c.Write(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	s.until("all of it is recorded, while the connection stays", func() bool { return bytes.Equal(s.recorded(), want) })
	if all := s.connections(); len(all) != 1 || all[0].Ended != nil || all[0].FirstByte != 0 {
		t.Errorf("connections while it lasts: %+v", all)
	}
	c.Close()
	s.until("its end is noted", func() bool { return s.connections()[0].Ended != nil })
	got := s.connections()[0]
	if got.Number != 1 || got.Bytes != int64(len(want)) || got.ShiftTicks != 0 || got.Error != "" || got.From == "" {
		t.Errorf("connection %+v", got)
	}
	if s.grown.Load() == 0 {
		t.Error("the follower was not told")
	}
	s.stop()
	decodes(t, s.file())
}

// TestSendersReturn: whatever a second sender's time stamps are, those of the recording go on.
func TestSendersReturn(t *testing.T) {
	t.Parallel()
	const pause = 7 * time.Second
	first := stream(t, 2)
	cases := []struct {
		name   string
		later  int64    // the first one again, so many ticks later
		second []string // how another one is made
		kept   bool     // time stamps as they were sent
	}{
		{"from the start again", 0, nil, false},
		{"an hour ahead", 3600 * media.TicksPerSecond, nil, false},
		{"11 s ahead of the wall clock", 20 * media.TicksPerSecond, nil, false},
		{"ahead, as far as the wall clock", 9 * media.TicksPerSecond, nil, true},
		{"right behind", 2.2 * media.TicksPerSecond, nil, true},
		{"a part of the end once more", 1.9 * media.TicksPerSecond, nil, false},
		{"from before the wrap", 95000 * media.TicksPerSecond, nil, false},
		{"other streams", 0, []string{"-streamid", "0:700", "-streamid", "1:701", "-mpegts_start_pid", "0x300"}, false},
		{"no sound", 0, []string{"-an"}, false},
	}
	for i, c := range cases {
		if testing.Short() && i%2 == 1 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := record(t, Options{}, defaultTimes())
			s.send(first)
			s.clock.pass(pause)
			second := dvrtest.Moved(bytes.Clone(first), c.later)
			if c.second != nil {
				second = stream(t, 2, c.second...)
			}
			got := s.send(second)
			s.stop()
			if got.Number != 2 || got.FirstByte != int64(len(first)) {
				t.Errorf("connection %+v", got)
			}
			if kept := got.ShiftTicks == 0; kept != c.kept {
				t.Errorf("the time stamps were shifted by %d", got.ShiftTicks)
			}
			b := s.recorded()
			if !bytes.HasPrefix(b, first) {
				t.Error("the first connection is not as it was sent")
			}
			if breaks := counted(t, b); breaks < 4 {
				t.Errorf("%d breaks are marked, want one for each PID", breaks)
			}
			checkShift(t, first, second, b, got.ShiftTicks, pause)
			if c.name != "other streams" { // ffprobe takes them for more streams
				goesOn(t, probe(t, s.file()))
			}
			decodes(t, s.file())
		})
	}
}

// checkShift compares the recorded time stamps of the second connection with the ones that were sent, by what ffprobe
// says of both, and the pause in the recording with the one there was.
func checkShift(t *testing.T, first, second, recorded []byte, shift int64, pause time.Duration) {
	t.Helper()
	sent, got := probeBytes(t, second), probeBytes(t, recorded[len(first):])
	if len(sent) != len(got) {
		t.Fatalf("%d packets recorded, %d were sent", len(got), len(sent))
	}
	const wrap = 1 << 33
	for i, s := range sent {
		d := (got[i].dts - s.dts - shift + 2*wrap) % wrap
		if s.stream == 1 && (d == 1 || d == wrap-1) {
			d = 0 // ffprobe counts frames of sound within a packet from its time stamp, in another unit
		}
		if d != 0 || got[i].pts-got[i].dts != s.pts-s.dts {
			t.Fatalf("packet %d: sent with DTS %d and PTS %d, recorded with %d and %d, shift %d", i, s.dts, s.pts, got[i].dts, got[i].pts, shift)
		}
	}
	var last int64
	for _, s := range probeBytes(t, first) {
		last = max(last, s.dts)
	}
	begin := got[0].dts
	for _, s := range got {
		begin = min(begin, s.dts)
	}
	// A packet of sound may hold 400 ms of it, which ffprobe shows and its time stamp doesn't.
	if gap := (begin - last + wrap) % wrap; shift != 0 && (gap < 90*(pause.Milliseconds()-400) || gap > 90*(pause.Milliseconds()+50)) {
		t.Errorf("the recording's time pauses for %d ticks, want %v", gap, pause)
	}
	var clocks []int64
	for at := 0; at < len(recorded); at += 188 {
		if p := recorded[at : at+188]; p[3]&0x20 != 0 && p[4] >= 7 && p[5]&0x10 != 0 {
			clocks = append(clocks, int64(p[6])<<25|int64(p[7])<<17|int64(p[8])<<9|int64(p[9])<<1|int64(p[10]>>7))
		}
	}
	for i := 1; i < len(clocks); i++ {
		if d := (clocks[i] - clocks[i-1] + wrap) % wrap; d == 0 || d > wrap/2 {
			t.Errorf("PCR %d follows %d", clocks[i], clocks[i-1])
		}
	}
}

// TestForeign: what is no transport stream is closed, said and not recorded.
func TestForeign(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 200_000)
	random := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	limits := defaultTimes()
	limits.foreign = 200 * time.Millisecond
	for name, b := range map[string][]byte{
		"noise": noise, "request": []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "zeros": make([]byte, 100_000),
		"sync bytes wide apart": bytes.Repeat(append([]byte{ts.SyncByte}, make([]byte, 203)...), 500),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := record(t, Options{}, limits)
			c := s.dial()
			_, _ = c.Write(b) // it may be closed before all is sent
			if !closed(c) {
				t.Error("the connection stays open")
			}
			s.until("the connection is noted", func() bool { return len(s.connections()) == 1 })
			if got := s.connections()[0]; got.Bytes != 0 || !strings.Contains(got.Error, "no MPEG transport stream") {
				t.Errorf("connection %+v", got)
			}
			good := stream(t, 1)
			if got := s.send(good); got.Number != 2 || got.FirstByte != 0 {
				t.Errorf("the next connection %+v", got)
			}
			s.stop()
			if !bytes.Equal(s.recorded(), good) {
				t.Error("the recording is not what the good sender sent")
			}
			if !strings.Contains(s.log.String(), "level=WARN") {
				t.Errorf("the log says\n%s", s.log)
			}
		})
	}
}

// TestLooks: somebody who only looks whether the port is open leaves no trace.
func TestLooks(t *testing.T) {
	t.Parallel()
	s := record(t, Options{}, defaultTimes())
	s.dial().Close()
	s.send(stream(t, 1))
	s.stop()
	if all := s.connections(); len(all) != 1 || all[0].Number != 1 {
		t.Errorf("connections %+v", all)
	}
}

// TestOneSender: another sender is turned away as long as there is one; but not for one that is silent or about to leave.
func TestOneSender(t *testing.T) {
	t.Parallel()
	b := stream(t, 2)
	half := len(b) / 2 / ts.PacketSize * ts.PacketSize
	t.Run("turned away", func(t *testing.T) {
		t.Parallel()
		limits := defaultTimes()
		limits.grace = 50 * time.Millisecond
		s := record(t, Options{}, limits)
		first := s.dial()
		mustWrite(t, first, b[:half])
		s.until("the first is recorded", func() bool { return len(s.recorded()) == half })
		second := s.dial()
		_, _ = second.Write(b) // it may be closed before all is sent
		if !closed(second) {
			t.Error("the second sender is not turned away")
		}
		mustWrite(t, first, b[half:])
		s.until("the first goes on", func() bool { return bytes.Equal(s.recorded(), b) })
		s.until("it is logged", func() bool { return strings.Contains(s.log.String(), "turned away") })
		if len(s.connections()) != 1 {
			t.Errorf("%+v\n%s", s.connections(), s.log)
		}
	})
	t.Run("takes over from a silent one", func(t *testing.T) {
		t.Parallel()
		s := record(t, Options{}, defaultTimes())
		first := s.dial()
		mustWrite(t, first, b[:half])
		s.until("the first is recorded", func() bool { return len(s.recorded()) == half })
		s.clock.pass(6 * time.Second)
		if got := s.send(b); got.FirstByte != int64(half) || got.Bytes == 0 {
			t.Errorf("the second sender: %+v", got)
		}
		if !closed(first) || !strings.Contains(s.connections()[0].Error, "another sender") {
			t.Errorf("the first sender: %+v", s.connections()[0])
		}
	})
	t.Run("is there before the end of the other", func(t *testing.T) {
		t.Parallel()
		limits := defaultTimes()
		limits.grace = time.Hour
		s := record(t, Options{}, limits)
		first := s.dial()
		mustWrite(t, first, b[:half])
		s.until("the first is recorded", func() bool { return len(s.recorded()) == half })
		second := s.dial()
		mustWrite(t, second, b)
		first.Close()
		s.until("the second is recorded", func() bool { return len(s.connections()) == 2 })
	})
}

func mustWrite(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// TestResumes goes on with a session, also one that was broken off in the middle of a packet and of a line.
func TestResumes(t *testing.T) {
	t.Parallel()
	dir, b := t.TempDir(), stream(t, 2)
	s := recordIn(t, dir, listener(t), Options{}, defaultTimes())
	s.send(b)
	c := s.dial()
	mustWrite(t, c, b)
	s.until("the second is recorded", func() bool { return len(s.recorded()) > 3*len(b)/2 })
	s.stop()
	before := s.recorded()

	// As if the second connection had no end, and had been cut off by the death of the process.
	log := filepath.Join(s.folder, ConnectionsFile)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	if err := os.WriteFile(log, []byte(strings.Join(lines[:3], "")+lines[3][:20]), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file(), append(bytes.Clone(before), before[:100]...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(s.file(), time.Time{}, s.clock.now()); err != nil {
		t.Fatal(err)
	}

	s2 := recordIn(t, dir, listener(t), Options{}, defaultTimes())
	if s2.resumed != int64(len(before)) {
		t.Errorf("resumed with %d bytes, want %d", s2.resumed, len(before))
	}
	s2.clock.pass(5 * time.Second)
	third := s2.send(b)
	s2.stop()
	all := s2.connections()
	if len(all) != 3 || third.Number != 3 || third.FirstByte != int64(len(before)) || third.ShiftTicks == 0 {
		t.Fatalf("connections %+v", all)
	}
	if all[1].Bytes != int64(len(before)-len(b)) || all[1].Ended == nil || all[1].Error == "" {
		t.Errorf("the connection that was broken off: %+v", all[1])
	}
	if got := s2.recorded(); !bytes.HasPrefix(got, before) {
		t.Error("what was recorded before has changed")
	}
	gaps := goesOn(t, probe(t, s2.file()))
	if d := gaps[0]; d < 5*90_000-3600 || d > 5*90_000+3600 {
		t.Errorf("the recording's time pauses for %d ticks, want 5 s", d)
	}
	counted(t, s2.recorded())
	decodes(t, s2.file())
}

// TestGrowing: a player may open the recording, and seek in it, while ffmpeg sends.
func TestGrowing(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "source.ts")
	if err := os.WriteFile(source, stream(t, 4), 0o644); err != nil {
		t.Fatal(err)
	}
	s := record(t, Options{Now: time.Now}, defaultTimes())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sender := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-readrate", "5", "-stream_loop", "-1", "-i", source, "-c", "copy", "-f", "mpegts", s.address)
	if err := sender.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = sender.Wait() }()
	s.until("4 s are recorded", func() bool { return len(s.recorded()) > 150_000 })
	if all := probe(t, s.file()); len(all) < 100 {
		t.Errorf("ffprobe finds %d packets", len(all))
	}
	seen := dvrtest.Command(t, "ffmpeg", "-v", "error", "-ss", "3", "-i", s.file(), "-frames:v", "5", "-an", "-f", "framemd5", "-")
	if strings.Count(seen, "\n0,") != 5 {
		t.Errorf("after seeking ffmpeg shows\n%s", seen)
	}
	if s.connections()[0].Ended != nil {
		t.Fatal("the sender ended before the recording was looked at")
	}
	cancel()
	_ = sender.Wait() // killed
	s.until("the sender's end is noted", func() bool { return s.connections()[0].Ended != nil })
	s.stop()
}

// TestStops: with a sender in the middle of its stream, the recording stops at once, and nothing is left.
func TestStops(t *testing.T) { // not parallel: it counts goroutines
	b := stream(t, 2)
	before := runtime.NumGoroutine()
	s := record(t, Options{}, defaultTimes())
	c, waiting := s.dial(), s.dial()
	mustWrite(t, c, b[:len(b)-50])
	s.until("something is recorded", func() bool { return len(s.recorded()) > 0 })
	s.stop()
	if !closed(c) || !closed(waiting) {
		t.Error("connections are left open")
	}
	s.until("no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
	if got := s.connections(); len(got) != 1 || got[0].Ended == nil || got[0].Error != "" {
		t.Errorf("connections %+v", got)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.address, "tcp://")); err == nil {
		t.Error("the listener is left")
	}
}
