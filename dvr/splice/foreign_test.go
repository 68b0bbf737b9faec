package splice

import (
	"bytes"
	"errors"
	"testing"

	"github.com/refstream/refstream/format/ts"
)

// numbered is n packets whose bodies hold no sync byte but their number.
func numbered(n int) []byte {
	var b []byte
	for i := range n {
		p := make([]byte, ts.PacketSize)
		p[0], p[1], p[2], p[3], p[4], p[5] = ts.SyncByte, 0x01, 0, 0x10, byte(i>>6), byte(i&0x3F)
		b = append(b, p...)
	}
	return b
}

// cut pushes b in pieces of that size.
func cut(b []byte, piece int) (packets []byte, err error) {
	var g ts.Splitter
	for ; len(b) > 0 && err == nil; b = b[min(piece, len(b)):] {
		err = push(&g, b[:min(piece, len(b))], func(p ts.Packet) { packets = append(packets, p...) })
	}
	return packets, err
}

func TestPushGivesUp(t *testing.T) {
	t.Parallel()
	for _, piece := range []int{100, 1 << 20} {
		if _, err := cut(make([]byte, maxForeign+ts.PacketSize), piece); !errors.Is(err, errForeign) {
			t.Errorf("zeros: %v", err)
		}
		if got, err := cut(bytes.Repeat([]byte{ts.SyncByte}, 1<<20), piece); !errors.Is(err, errForeign) || len(got) > 0 {
			t.Errorf("sync bytes: %d bytes, %v", len(got), err)
		}
		got, err := cut(append(numbered(10), make([]byte, maxLost+ts.PacketSize)...), piece)
		if err == nil || errors.Is(err, errForeign) || len(got) != 10*ts.PacketSize {
			t.Errorf("a stream, then zeros: %d bytes, %v", len(got), err)
		}
	}
}

// FuzzConnection: whatever comes, in whatever pieces, whole packets come out, and the pieces make no difference; what is
// kept is bounded.
func FuzzConnection(f *testing.F) {
	b := stream(f, 1)[:12*ts.PacketSize]
	f.Add(b, uint16(100))
	f.Add(numbered(8), uint16(1))
	f.Add(append([]byte("GET / HTTP/1.1"), b...), uint16(7))
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		through := func(piece int) []byte {
			s := newSplice(line(90_000, 900_000), true, 0)
			var g ts.Splitter
			var known proof
			var out []byte
			for b := data; len(b) > 0; b = b[min(piece, len(b)):] {
				emit := func(p ts.Packet) { out = s.push(out, p) }
				var refused error
				err := push(&g, b[:min(piece, len(b))], func(p ts.Packet) { refused = errors.Join(refused, known.push(p, emit)) })
				if err != nil || refused != nil {
					break
				}
			}
			return s.decide(out)
		}
		got := through(int(piece) + 1)
		if !bytes.Equal(got, through(1<<30)) && len(data) < maxForeign {
			t.Error("the pieces make a difference")
		}
		for at := 0; at < len(got); at += ts.PacketSize {
			if got[at] != ts.SyncByte || len(got)-at < ts.PacketSize {
				t.Fatalf("no packet at byte %d of %d", at, len(got))
			}
		}
	})
}
