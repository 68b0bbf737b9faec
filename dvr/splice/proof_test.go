package splice

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/refstream/refstream/format/ts"
)

// TestNoProgram: what has the sync bytes of a transport stream and nothing of a stream in it is said, and not recorded.
func TestNoProgram(t *testing.T) {
	t.Parallel()
	good := stream(t, 1)
	for name, c := range map[string]struct {
		sent  []byte
		close bool // else it is closed here
		want  string
	}{
		"six bytes":    {[]byte("hello\n"), true, "no MPEG transport stream"},
		"sync bytes":   {bytes.Repeat([]byte{ts.SyncByte}, 1<<20), false, "no MPEG transport stream"},
		"few packets":  {numbered(20), true, "no program"},
		"many packets": {numbered(maxHeld/ts.PacketSize + 10), false, "no program"},
		"null packets": {bytes.Repeat(append([]byte{ts.SyncByte, 0x1F, 0xFF, 0x10}, make([]byte, 184)...), 50), true, "no program"},
		"a wrong PAT":  {wrongPAT(t, good), true, "no program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := record(t, Options{}, defaultTimes())
			conn := s.dial()
			_, _ = conn.Write(c.sent) // it may be closed before all is sent
			if c.close {
				conn.Close()
			} else if !closed(conn) {
				t.Error("the connection stays open")
			}
			s.until("the connection is noted", func() bool { return len(s.connections()) == 1 })
			if got := s.connections()[0]; got.Bytes != 0 || !strings.Contains(got.Error, c.want) {
				t.Errorf("connection %+v", got)
			}
			if log := s.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, c.want) {
				t.Errorf("the log says\n%s", log)
			}
			s.send(good)
			s.stop()
			if !bytes.Equal(s.recorded(), good) {
				t.Error("the recording is not what the good sender sent")
			}
			if log := s.log.String(); strings.Contains(log, `error=""`) || !strings.Contains(log, "sender left") {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

// wrongPAT is the packets of a stream that have its PAT, with one bit changed.
func wrongPAT(t *testing.T, b []byte) (wrong []byte) {
	t.Helper()
	for ; len(b) > 0; b = b[ts.PacketSize:] {
		if p := ts.Packet(bytes.Clone(b[:ts.PacketSize])); p.PID() == 0 {
			p[15] ^= 1
			wrong = append(wrong, p...)
		}
	}
	if len(wrong) < 3*ts.PacketSize {
		t.Fatalf("the stream has %d bytes of PAT", len(wrong))
	}
	return wrong
}

// TestProof: a PAT or the start of a PES packet is enough, all packets before it come with it, and null packets don't.
func TestProof(t *testing.T) {
	t.Parallel()
	null := append([]byte{ts.SyncByte, 0x1F, 0xFF, 0x10}, make([]byte, 184)...)
	var pat, start ts.Packet
	for b := stream(t, 1); pat == nil || start == nil; b = b[ts.PacketSize:] {
		p := ts.Packet(b[:ts.PacketSize])
		if _, ok := p.PES(); ok {
			start = p
		} else if p.PID() == 0 {
			pat = p
		}
	}
	before := numbered(3)
	for name, last := range map[string]ts.Packet{"PAT": pat, "PES": start} {
		var f proof
		var got []byte
		emit := func(p ts.Packet) { got = append(got, p...) }
		in := bytes.Join([][]byte{null, before, null}, nil)
		for b := bytes.Clone(in); len(b) > 0; b = b[ts.PacketSize:] {
			if err := f.push(b[:ts.PacketSize], emit); err != nil || len(got) > 0 {
				t.Fatalf("%s: %d bytes came out, %v", name, len(got), err)
			}
		}
		for _, p := range []ts.Packet{last, null} {
			if err := f.push(p, emit); err != nil {
				t.Fatal(err)
			}
		}
		if want := bytes.Join([][]byte{before, last, null}, nil); !bytes.Equal(got, want) || len(f.held) > 0 {
			t.Errorf("%s: %d bytes came out, want %d; %d are held", name, len(got), len(want), len(f.held))
		}
	}
	var f proof
	var err error
	for i := 0; err == nil; i += ts.PacketSize {
		if err = f.push(numbered(1), func(ts.Packet) { t.Error("it came out") }); i > 2*maxHeld {
			t.Fatal("all is held")
		}
	}
	if !errors.Is(err, errNoProgram) || len(f.held) > maxHeld+ts.PacketSize {
		t.Errorf("%v with %d bytes held", err, len(f.held))
	}
}
