package splice

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/outputs/ts"
)

// TestHeldBack: a second sender that never sends the sound it names is recorded all the same, and whatever is held back at
// its end or at a stop is too.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	first := stream(t, 1)
	var silent []byte
	for b := stream(t, 2); len(b) > 0; b = b[ts.PacketSize:] {
		if ts.Packet(b).PID() != 0x101 {
			silent = append(silent, b[:ts.PacketSize]...)
		}
	}
	short := silent[:20*ts.PacketSize]
	const breaks = 5 * ts.PacketSize // there are less PIDs
	t.Run("time", func(t *testing.T) {
		t.Parallel()
		s := record(t, Options{}, defaultTimes())
		s.send(first)
		mustWrite(t, s.dial(), short)
		s.until("it is recorded", func() bool { return len(s.recorded()) >= len(first)+len(short) })
		if got := s.connections()[1]; got.ShiftTicks == 0 || got.Ended != nil {
			t.Errorf("connection %+v", got)
		}
	})
	limits := defaultTimes()
	limits.hold = time.Hour
	t.Run("end", func(t *testing.T) {
		t.Parallel()
		s := record(t, Options{}, limits)
		s.send(first)
		if got := s.send(short); got.Bytes < int64(len(short)) || got.Bytes > int64(len(short)+breaks) {
			t.Errorf("connection %+v, sent %d", got, len(short))
		}
	})
	t.Run("stop", func(t *testing.T) {
		t.Parallel()
		s := record(t, Options{}, limits)
		s.send(first)
		mustWrite(t, s.dial(), short)
		s.until("it is connected", func() bool { return strings.Count(s.log.String(), "sender connected") == 2 })
		s.stop()
		if got := len(s.recorded()); got != len(first) && got < len(first)+len(short) {
			t.Errorf("%d bytes are recorded", got)
		}
	})
	t.Run("size", func(t *testing.T) {
		t.Parallel()
		splice := newSplice(line(0, 900_000), true, 0)
		var out []byte
		for at := 0; at <= maxHeld; at += ts.PacketSize {
			out = splice.push(out, ts.Packet(bytes.Clone(numbered(1))))
		}
		if len(out) < maxHeld || len(splice.held) > 0 {
			t.Errorf("%d bytes are held back, %d not", len(splice.held), len(out))
		}
	})
}

// TestStopsInTime: a follower that doesn't come to its end is stopped when its time is over.
func TestStopsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{times: defaultTimes(), follower: endless{}, o: Options{Logger: slog.New(slog.DiscardHandler)}}
		stopped := watch(t.Context(), r)
		began := time.Now()
		if err := stopped(); err != nil || time.Since(began) != r.times.finish || r.times.finish >= 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// endless is a follower that never comes to the end.
type endless struct{ follower }

func (endless) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
func (endless) Finish()                       {}

// TestProgress: it says what is there, also at the end.
func TestProgress(t *testing.T) {
	t.Parallel()
	b := stream(t, 1)
	limits := defaultTimes()
	limits.progress = time.Millisecond
	told := make(chan Progress, 100_000)
	s := record(t, Options{Progress: func(p Progress) { told <- p }}, limits)
	c := s.dial()
	mustWrite(t, c, b)
	s.until("the sender is told", func() bool {
		return (<-told) == Progress{Sender: c.LocalAddr().String(), Connections: 1, Bytes: int64(len(b))}
	})
	s.stop()
	close(told)
	var last Progress
	for p := range told {
		last = p
	}
	if want := (Progress{Connections: 1, Bytes: int64(len(b))}); last != want {
		t.Errorf("at the end %+v, want %+v", last, want)
	}
}
