package h264

import (
	"bytes"
	"testing"
)

func escapeCases() []struct{ name, rbsp, escaped string } {
	return []struct{ name, rbsp, escaped string }{
		{"empty", "", ""},
		{"nothing to do", "\x00\x01\x00\x02\x80", "\x00\x01\x00\x02\x80"},
		{"zero", "\x00\x00\x00\x80", "\x00\x00\x03\x00\x80"},
		{"one", "\x00\x00\x01\x80", "\x00\x00\x03\x01\x80"},
		{"two", "\x00\x00\x02\x80", "\x00\x00\x03\x02\x80"},
		{"three", "\x00\x00\x03\x80", "\x00\x00\x03\x03\x80"},
		{"four needs none", "\x00\x00\x04\x80", "\x00\x00\x04\x80"},
		{"run of zeros", "\x00\x00\x00\x00\x00\x00\x80", "\x00\x00\x03\x00\x00\x03\x00\x00\x80"},
		{"the inserted byte ends the run", "\x00\x00\x00\x01\x80", "\x00\x00\x03\x00\x01\x80"},
		{"cabac_zero_word at the end", "\x80\x00\x00", "\x80\x00\x00\x03"},
		{"two cabac_zero_words", "\x80\x00\x00\x00\x00", "\x80\x00\x00\x03\x00\x00\x03"},
		{"an escaped look-alike", "\x00\x00\x03\x01", "\x00\x00\x03\x03\x01"},
	}
}

func TestEscape(t *testing.T) {
	for _, c := range escapeCases() {
		if got := Escape([]byte(c.rbsp)); string(got) != c.escaped {
			t.Errorf("%s: Escape(% x) = % x, want % x", c.name, c.rbsp, got, c.escaped)
		}
		if got := Unescape([]byte(c.escaped)); string(got) != c.rbsp {
			t.Errorf("%s: Unescape(% x) = % x, want % x", c.name, c.escaped, got, c.rbsp)
		}
	}
}

func TestAppendEscapedDoesNotLookBack(t *testing.T) {
	got := AppendEscaped([]byte{0, 0}, []byte{1})
	if !bytes.Equal(got, []byte{0, 0, 1}) {
		t.Errorf("got % x", got)
	}
}

func TestUnescapeLeavesItsInputAlone(t *testing.T) {
	in := []byte{6, 0, 0, 3, 1, 0, 0, 3}
	want := bytes.Clone(in)
	out := Unescape(in)
	out[1] = 0xAA
	if !bytes.Equal(in, want) {
		t.Errorf("input is % x now", in)
	}
	plain := []byte{6, 1, 2}
	if got := Unescape(plain); &got[0] != &plain[0] {
		t.Error("copied although there was nothing to remove")
	}
}

func FuzzEscape(f *testing.F) {
	for _, c := range escapeCases() {
		f.Add([]byte(c.rbsp))
		f.Add([]byte(c.escaped))
	}
	f.Fuzz(func(t *testing.T, rbsp []byte) {
		escaped := Escape(rbsp)
		for i := 2; i < len(escaped); i++ {
			if escaped[i-2] == 0 && escaped[i-1] == 0 && escaped[i] < 3 {
				t.Fatalf("Escape(% x) has 00 00 %02x at %d", rbsp, escaped[i], i)
			}
		}
		if got := Unescape(escaped); !bytes.Equal(got, rbsp) {
			t.Fatalf("% x came back as % x", rbsp, got)
		}
		Unescape(rbsp)
	})
}
