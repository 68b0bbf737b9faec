package ts

import (
	"bytes"
	"slices"
	"testing"
)

// numbered is n packets whose bodies hold no sync byte but their number.
func numbered(n int) []byte {
	var b []byte
	for i := range n {
		p := make([]byte, PacketSize)
		p[0], p[1], p[2], p[3], p[4], p[5] = SyncByte, 0x01, 0, 0x10, byte(i>>6), byte(i&0x3F)
		b = append(b, p...)
	}
	return b
}

// split writes b in pieces of that size, and ends with them where ended.
func split(t *testing.T, b []byte, piece int, ended bool) (packets []byte, s Splitter, lost []int64) {
	t.Helper()
	s.Lost = func(offset, n int64, found bool) { lost = append(lost, offset, n) }
	take := func() {
		for p, offset, ok := s.Next(); ok; p, offset, ok = s.Next() {
			if !bytes.Equal(p, b[offset:offset+PacketSize]) {
				t.Errorf("the packet at byte %d is another", offset)
			}
			packets = append(packets, p...)
		}
	}
	for rest := b; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
		s.Write(rest[:min(piece, len(rest))])
		take()
	}
	if ended {
		s.End()
		take()
	}
	return packets, s, lost
}

func TestSplitter(t *testing.T) {
	t.Parallel()
	b := numbered(20)
	at := func(from, to int) []byte { return b[from*PacketSize : to*PacketSize] }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	cases := []struct {
		name     string
		in, want []byte
		skipped  int64
		lost     []int64 // offsets and numbers of bytes
		left     int64   // what more of the end is skipped where it is one
		more     []byte  // what more packets there are at the end
	}{
		{"whole", b, b, 0, nil, 0, nil},
		{"garbage first", join([]byte("garbage G G G"), b), b, 13, nil, 0, nil},
		{"cut at both ends", b[100 : len(b)-100], at(1, 19), 88, nil, 88, nil},
		{"a byte missing", join(at(0, 8), at(8, 9)[:187], at(9, 20)), join(at(0, 8), at(8, 9)[:187], at(9, 10)[:1], at(10, 20)), 187,
			[]int64{9 * PacketSize, 187}, 0, nil},
		{"a packet's start missing", join(at(0, 8), at(8, 9)[10:], at(9, 20)), join(at(0, 8), at(9, 20)), 178, []int64{8 * PacketSize, 178}, 0, nil},
		{"garbage between", join(at(0, 8), bytes.Repeat([]byte{1}, 1000), at(8, 20)), join(at(0, 8), at(8, 20)), 1000, []int64{8 * PacketSize, 1000}, 0, nil},
		{"garbage last", join(at(0, 8), bytes.Repeat([]byte{1}, 100)), at(0, 8), 0, []int64{8 * PacketSize, 100}, 100, nil},
		{"sync bytes first", join(bytes.Repeat([]byte{SyncByte}, 30_000), b), b, 30_000, nil, 0, nil},
		{"few", at(0, 2), nil, 0, nil, 0, at(0, 2)},
		{"few and a part", b[:400], at(0, 2), 0, nil, 24, nil},
		{"a part", b[:187], nil, 0, nil, 187, nil},
		{"nothing", nil, nil, 0, nil, 0, nil},
	}
	for _, c := range cases {
		for _, piece := range []int{1, 7, 188, 1000, 1 << 20} {
			got, s, _ := split(t, c.in, piece, false)
			if !bytes.Equal(got, c.want) || s.Skipped != c.skipped {
				t.Errorf("%s in pieces of %d: %d bytes, want %d; %d skipped, want %d", c.name, piece, len(got), len(c.want), s.Skipped, c.skipped)
			}
			got, s, lost := split(t, c.in, piece, true)
			if !bytes.Equal(got, append(c.want, c.more...)) || s.Skipped != c.skipped+c.left || !slices.Equal(lost, c.lost) {
				t.Errorf("%s in pieces of %d, ended: %d bytes; %d skipped, want %d; lost %d, want %d",
					c.name, piece, len(got), s.Skipped, c.skipped+c.left, lost, c.lost)
			}
		}
	}
}

// FuzzSplitter: whole packets come out, each from its place, and every byte is in one, skipped, or one of those that may stand
// behind each; the pieces that the bytes come in make no difference.
func FuzzSplitter(f *testing.F) {
	f.Add(numbered(8), uint16(100))
	f.Add(append([]byte("GET / HTTP/1.1"), numbered(8)...), uint16(7))
	f.Add(append(numbered(5)[:700], numbered(5)...), uint16(1))
	m2ts, plain := make([]byte, 0, 4*192), numbered(4)
	for ; len(plain) > 0; plain = plain[PacketSize:] {
		m2ts = append(append(m2ts, 0, 0, 0, 1), plain[:PacketSize]...)
	}
	f.Add(m2ts, uint16(50))
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		got, s, lost := split(t, data, int(piece)+1, true)
		between := int64(len(data)) - s.Packets*PacketSize - s.Skipped
		if int64(len(got)) != s.Packets*PacketSize || between < 0 || between > s.Packets*int64(s.extra) {
			t.Errorf("%d bytes of packets, %d skipped and %d between packets of %d", len(got), s.Skipped, between, len(data))
		}
		whole, _, lostWhole := split(t, data, len(data)+1, true)
		if !bytes.Equal(got, whole) || !slices.Equal(lost, lostWhole) {
			t.Error("the pieces make a difference")
		}
	})
}
