package h264

import "testing"

func TestNALType(t *testing.T) {
	for _, c := range []struct {
		nal  []byte
		want NALType
		vcl  bool
		text string
	}{
		{nil, 0, false, "NAL unit type 0"},
		{[]byte{0x41}, NALSlice, true, "slice"},
		{[]byte{0x65}, NALIDR, true, "IDR slice"},
		{[]byte{0x06}, NALSEI, false, "SEI"},
		{[]byte{0x67}, NALSPS, false, "SPS"},
		{[]byte{0x68}, NALPPS, false, "PPS"},
		{[]byte{0x09}, NALAccessUnitDelim, false, "access unit delimiter"},
		{[]byte{0x7F}, 31, false, "NAL unit type 31"},
	} {
		got := TypeOf(c.nal)
		if got != c.want || got.VCL() != c.vcl || got.String() != c.text {
			t.Errorf("% x: %d, %v, %q", c.nal, got, got.VCL(), got)
		}
	}
}

func TestRefIDC(t *testing.T) {
	for _, c := range []struct {
		nal  []byte
		want uint8
	}{{nil, 0}, {[]byte{0x01, 0xFF}, 0}, {[]byte{0x41}, 2}, {[]byte{0x65}, 3}, {[]byte{0x21}, 1}, {[]byte{0x81}, 0}} {
		if got := RefIDC(c.nal); got != c.want {
			t.Errorf("% x: %d, want %d", c.nal, got, c.want)
		}
	}
}

func TestFiller(t *testing.T) {
	for n, want := range map[int]string{MinFiller: "\x0c\x80", 5: "\x0c\xff\xff\xff\x80"} {
		if got := Filler(n); string(got) != want || TypeOf(got) != NALFiller || RefIDC(got) != 0 {
			t.Errorf("Filler(%d) = %x", n, got)
		}
	}
}
