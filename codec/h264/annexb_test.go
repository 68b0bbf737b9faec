package h264

import (
	"bytes"
	"slices"
	"testing"
)

func annexBCases() []struct {
	name, stream string
	nals         []string
} {
	return []struct {
		name, stream string
		nals         []string
	}{
		{"empty", "", nil},
		{"no start code", "\x65\x88\x80", nil},
		{"only a start code", "\x00\x00\x01", nil},
		{"three bytes", "\x00\x00\x01\x65\x88", []string{"\x65\x88"}},
		{"four bytes", "\x00\x00\x00\x01\x65\x88", []string{"\x65\x88"}},
		{"both", "\x00\x00\x00\x01\x67\x64\x00\x00\x01\x68\xee\x00\x00\x00\x01\x65", []string{"\x67\x64", "\x68\xee", "\x65"}},
		{"leading zeros", "\x00\x00\x00\x00\x00\x01\x09\xf0", []string{"\x09\xf0"}},
		{"trailing zeros", "\x00\x00\x01\x09\xf0\x00\x00\x00\x00\x00", []string{"\x09\xf0"}},
		{"zeros between", "\x00\x00\x01\x09\xf0\x00\x00\x00\x00\x00\x00\x01\x06\x80", []string{"\x09\xf0", "\x06\x80"}},
		{"bytes before", "\x12\x34\x00\x00\x01\x09\xf0", []string{"\x09\xf0"}},
		{"empty ones between", "\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x01\x09", []string{"\x09"}},
		{"emulation prevention stays", "\x00\x00\x01\x06\x00\x00\x03\x01\x80", []string{"\x06\x00\x00\x03\x01\x80"}},
		{"ends in prevention", "\x00\x00\x01\x65\x00\x00\x03\x00\x00\x01\x41", []string{"\x65\x00\x00\x03", "\x41"}},
		{"start of a start code at the end", "\x00\x00\x01\x65\x00\x00", []string{"\x65"}},
	}
}

func TestSplitAnnexB(t *testing.T) {
	for _, c := range annexBCases() {
		var got []string
		for _, nal := range SplitAnnexB([]byte(c.stream)) {
			got = append(got, string(nal))
		}
		if !slices.Equal(got, c.nals) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.nals)
		}
	}
}

func TestSplitAnnexBGivesSubSlicesThatCannotGrow(t *testing.T) {
	b := []byte("\x00\x00\x01\x09\xf0\x00\x00\x01\x65\x88")
	nals := SplitAnnexB(b)
	if &nals[0][0] != &b[3] {
		t.Error("the NAL unit was copied")
	}
	_ = append(nals[0], 0xAA, 0xBB, 0xCC, 0xDD)
	if !bytes.Equal(b, []byte("\x00\x00\x01\x09\xf0\x00\x00\x01\x65\x88")) {
		t.Errorf("appending to a NAL unit changed the stream: % x", b)
	}
}

func TestAppendAnnexB(t *testing.T) {
	got := AppendAnnexB([]byte("x"), [][]byte{{9, 0xf0}, {0x65, 0x88}})
	if want := "x\x00\x00\x00\x01\x09\xf0\x00\x00\x00\x01\x65\x88"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzSplitAnnexB(f *testing.F) {
	for _, c := range annexBCases() {
		f.Add([]byte(c.stream))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nals := SplitAnnexB(b)
		for i, nal := range nals {
			if len(nal) == 0 || nal[len(nal)-1] == 0 || bytes.Contains(nal, []byte{0, 0, 1}) {
				t.Fatalf("NAL unit %d of % x: % x", i, b, nal)
			}
		}
		again := SplitAnnexB(AppendAnnexB(nil, nals))
		if !slices.EqualFunc(nals, again, bytes.Equal) {
			t.Fatalf("% x: % x, and after writing % x", b, nals, again)
		}
	})
}

func BenchmarkSplitAnnexB(b *testing.B) {
	frame := bytes.Repeat([]byte("\x12\x00\x34\x56\x00\x00\x03\x78"), 3000)
	stream := AppendAnnexB(nil, [][]byte{{9, 0xf0}, {6, 1, 2, 3, 0x80}, frame})
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		if len(SplitAnnexB(stream)) != 3 {
			b.Fatal("wrong split")
		}
	}
}
