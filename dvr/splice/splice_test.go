package splice

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
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
