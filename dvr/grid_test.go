package dvr

import (
	"bytes"
	"errors"
	"testing"

	"github.com/refstream/refstream/outputs/ts"
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
func cut(b []byte, piece int) (packets []byte, g grid, err error) {
	for ; len(b) > 0 && err == nil; b = b[min(piece, len(b)):] {
		err = g.push(b[:min(piece, len(b))], func(p ts.Packet) { packets = append(packets, p...) })
	}
	return packets, g, err
}

func TestGrid(t *testing.T) {
	t.Parallel()
	b := numbered(20)
	at := func(from, to int) []byte { return b[from*ts.PacketSize : to*ts.PacketSize] }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	cases := []struct {
		name     string
		in, want []byte
		skipped  int64
	}{
		{"whole", b, b, 0},
		{"garbage first", join([]byte("garbage G G G"), b), b, 13},
		{"cut at both ends", b[100 : len(b)-100], at(1, 19), 88},
		{"a byte missing", join(at(0, 8), at(8, 9)[:187], at(9, 20)), join(at(0, 9)[:8*ts.PacketSize], join(at(8, 9)[:187], at(9, 10)[:1]), at(10, 20)), 187},
		{"a packet's start missing", join(at(0, 8), at(8, 9)[10:], at(9, 20)), join(at(0, 8), at(9, 20)), 178},
		{"garbage between", join(at(0, 8), bytes.Repeat([]byte{1}, 1000), at(8, 20)), join(at(0, 8), at(8, 20)), 1000},
		{"sync bytes first", join(bytes.Repeat([]byte{ts.SyncByte}, 30_000), b), b, 30_000},
		{"too few", at(0, 4), nil, 0},
		{"nothing", nil, nil, 0},
	}
	for _, c := range cases {
		for _, piece := range []int{1, 7, 188, 1000, 1 << 20} {
			got, g, err := cut(c.in, piece)
			if err != nil || !bytes.Equal(got, c.want) || g.skipped != c.skipped {
				t.Errorf("%s in pieces of %d: %d bytes, want %d; %d skipped, want %d; %v", c.name, piece, len(got), len(c.want), g.skipped, c.skipped, err)
			}
		}
	}
}

func TestGridGivesUp(t *testing.T) {
	t.Parallel()
	for _, piece := range []int{100, 1 << 20} {
		if _, _, err := cut(make([]byte, maxForeign+ts.PacketSize), piece); !errors.Is(err, errForeign) {
			t.Errorf("zeros: %v", err)
		}
		if got, _, err := cut(bytes.Repeat([]byte{ts.SyncByte}, 1<<20), piece); !errors.Is(err, errForeign) || len(got) > 0 {
			t.Errorf("sync bytes: %d bytes, %v", len(got), err)
		}
		got, _, err := cut(append(numbered(10), make([]byte, maxLost+ts.PacketSize)...), piece)
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
			var g grid
			var known proof
			var out []byte
			for b := data; len(b) > 0; b = b[min(piece, len(b)):] {
				emit := func(p ts.Packet) { out = s.push(out, p) }
				var refused error
				err := g.push(b[:min(piece, len(b))], func(p ts.Packet) { refused = errors.Join(refused, known.push(p, emit)) })
				if err != nil || refused != nil {
					break
				}
				if len(g.rest) > 2*firstPackets*ts.PacketSize {
					t.Fatalf("%d bytes are kept", len(g.rest))
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
