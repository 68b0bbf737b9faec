package h264

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// pack makes bytes from zeros and ones; spaces are for the reader, and the last byte is filled up with zeros.
func pack(s string) []byte {
	s = strings.ReplaceAll(s, " ", "")
	out := make([]byte, (len(s)+7)/8)
	for i := range s {
		out[i/8] |= (s[i] - '0') << (7 - i%8)
	}
	return out
}

func TestExpGolomb(t *testing.T) {
	for _, c := range []struct {
		bits string
		ue   uint32
		se   int32
	}{ // H.264, tables 9-1 to 9-3
		{"1", 0, 0},
		{"010", 1, 1},
		{"011", 2, -1},
		{"00100", 3, 2},
		{"00101", 4, -2},
		{"00111", 6, -3},
		{"0001000", 7, 4},
		{"0001010", 9, 5},
		{strings.Repeat("0", 16) + "1" + strings.Repeat("0", 16), 65535, 32768},
		{strings.Repeat("0", 31) + strings.Repeat("1", 32), math.MaxUint32 - 1, -math.MaxInt32},
	} {
		data := pack(c.bits)
		r := NewBitReader(data)
		if got := r.UE(); got != c.ue || r.Err() != nil || r.Offset() != len(c.bits) {
			t.Errorf("UE of %s = %d, %v, %d bits read; want %d", c.bits, got, r.Err(), r.Offset(), c.ue)
		}
		if got := NewBitReader(data).SE(); got != c.se {
			t.Errorf("SE of %s = %d, want %d", c.bits, got, c.se)
		}
		var u, s BitWriter
		u.UE(c.ue)
		s.SE(c.se)
		if !bytes.Equal(u.Bytes(), data) || !bytes.Equal(s.Bytes(), data) || u.Err() != nil || s.Err() != nil {
			t.Errorf("wrote %08b and %08b, %v, %v, want %s", u.Bytes(), s.Bytes(), u.Err(), s.Err(), c.bits)
		}
	}
}

func TestFixedLength(t *testing.T) {
	data := pack("1 010 11111111 00000000000000000000000000000001 110 0")
	r := NewBitReader(data)
	if r.Flag() != true || r.U(3) != 2 || r.I(8) != -1 || r.U(32) != 1 || r.I(3) != -2 || r.U(0) != 0 || r.I(0) != 0 ||
		r.Left() != 1 || r.Err() != nil {
		t.Errorf("at bit %d: %v", r.Offset(), r.Err())
	}
	w := NewBitWriter([]byte{0xAB})
	w.Flag(true)
	w.U(3, 2)
	w.I(8, -1)
	w.U(32, 1)
	w.I(3, -2)
	w.U(0, 0)
	w.I(0, 0)
	w.Flag(false)
	w.AlignPayload() // 48 bits: nothing to add
	if want := append([]byte{0xAB}, data...); !bytes.Equal(w.Bytes(), want) || w.Err() != nil {
		t.Errorf("wrote % x, %v, want % x", w.Bytes(), w.Err(), want)
	}
	w.U(2, 0)
	w.AlignPayload()
	if got := w.Bytes()[7]; got != 0b00100000 {
		t.Errorf("aligned to %08b", got)
	}
}

func TestBitReaderErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		read func(*BitReader)
		eof  bool
	}{
		{"U at the end", []byte{1}, func(r *BitReader) { r.U(9) }, true},
		{"UE at the end", []byte{0}, func(r *BitReader) { r.UE() }, true},
		{"UE without its value", []byte{1}, func(r *BitReader) { r.UE() }, true},
		{"UE too long", make([]byte, 9), func(r *BitReader) { r.UE() }, false},
		{"U too wide", make([]byte, 9), func(r *BitReader) { r.U(33) }, false},
		{"U of less than nothing", make([]byte, 9), func(r *BitReader) { r.U(-1) }, false},
		{"I too wide", make([]byte, 9), func(r *BitReader) { r.I(33) }, false},
	} {
		r := NewBitReader(c.data)
		c.read(r)
		first := r.Err()
		if first == nil || errors.Is(first, io.ErrUnexpectedEOF) != c.eof || !strings.HasPrefix(first.Error(), "bit ") {
			t.Errorf("%s: %v", c.name, first)
		}
		if r.U(1) != 0 || r.UE() != 0 || r.I(3) != 0 || r.Flag() || !errors.Is(r.Err(), first) {
			t.Errorf("%s: reading went on after the error", c.name)
		}
	}
}

func TestBitWriterErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(*BitWriter)
	}{
		{"U too large", func(w *BitWriter) { w.U(3, 8) }},
		{"U too wide", func(w *BitWriter) { w.U(33, 0) }},
		{"U in no bits", func(w *BitWriter) { w.U(0, 1) }},
		{"I too large", func(w *BitWriter) { w.I(3, 4) }},
		{"I too small", func(w *BitWriter) { w.I(3, -5) }},
		{"I in no bits", func(w *BitWriter) { w.I(0, -1) }},
		{"I too wide", func(w *BitWriter) { w.I(33, 0) }},
		{"UE too large", func(w *BitWriter) { w.UE(math.MaxUint32) }},
		{"SE too small", func(w *BitWriter) { w.SE(math.MinInt32) }},
	} {
		var w BitWriter
		c.write(&w)
		if w.Err() == nil || len(w.Bytes()) != 0 {
			t.Errorf("%s: %v, wrote % x", c.name, w.Err(), w.Bytes())
		}
		first := w.Err()
		w.U(8, 1)
		w.AlignPayload()
		if !errors.Is(w.Err(), first) || len(w.Bytes()) != 0 {
			t.Errorf("%s: writing went on after the error", c.name)
		}
	}
}

func FuzzBits(f *testing.F) {
	f.Add([]byte{0x80}, uint32(5), int32(-7), uint8(9))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0}, uint32(math.MaxUint32), int32(math.MinInt32), uint8(32))
	f.Fuzz(func(t *testing.T, data []byte, v uint32, s int32, n uint8) {
		r := NewBitReader(data)
		for r.Err() == nil {
			r.UE()
			r.SE()
			r.U(int(n))
			r.I(int(n))
			if n == 0 {
				r.Flag()
			}
		}
		if r.Offset() > 8*len(data) {
			t.Fatalf("read %d bits of %d", r.Offset(), 8*len(data))
		}
		var w BitWriter
		w.UE(v)
		w.SE(s)
		w.U(int(n), v)
		w.I(int(n), s)
		if w.Err() != nil {
			return
		}
		r = NewBitReader(w.Bytes())
		if a, b, c, d := r.UE(), r.SE(), r.U(int(n)), r.I(int(n)); a != v || b != s || n > 0 && (c != v || d != s) {
			t.Fatalf("%d %d in %d bits came back as %d %d %d %d", v, s, n, a, b, c, d)
		}
	})
}
