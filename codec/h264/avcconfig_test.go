package h264

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// Parameter sets that x264 wrote.
const (
	avcSPS = "6764000cacd941419f9f011000000300100000030321f1429960"
	avcPPS = "68ebe3cb22c0"
)

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSplitLengths(t *testing.T) {
	for _, c := range []struct {
		bytes string
		size  int
		want  []string
		err   string
	}{
		{"", 4, nil, ""},
		{"00000002 aabb 00000000 00000001 cc", 4, []string{"aabb", "cc"}, ""},
		{"02 aabb 01 cc", 1, []string{"aabb", "cc"}, ""},
		{"0002 aabb 0001 cc", 2, []string{"aabb", "cc"}, ""},
		{"000002 aabb", 3, []string{"aabb"}, ""},
		{"0002 aabb 00", 2, []string{"aabb"}, "length at byte 4: unexpected EOF"},
		{"0002 aabb 0002 cc", 2, []string{"aabb"}, "2 bytes at byte 4, of which 1 are there: unexpected EOF"},
		{"ffffffff aabb", 4, nil, "4294967295 bytes at byte 0, of which 2"},
		{"00", 0, nil, "lengths of 0 bytes"},
		{strings.Repeat("01aa", maxNALs), 1, sameNALs(maxNALs, "aa"), ""},
		{strings.Repeat("01aa", maxNALs+1), 1, sameNALs(maxNALs, "aa"), "more than 65536"},
	} {
		b := fromHex(t, c.bytes)
		got, err := SplitLengths(b, c.size)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) || len(got) != len(c.want) {
			t.Errorf("%.40s: %d NAL units, %v, want %d, %q", c.bytes, len(got), err, len(c.want), c.err)
			continue
		}
		for i, want := range c.want {
			if !bytes.Equal(got[i], fromHex(t, want)) || cap(got[i]) != len(got[i]) {
				t.Fatalf("%.40s: NAL unit %d is %x, want %s", c.bytes, i, got[i], want)
			}
		}
	}
}

// sameNALs is n NAL units of the same bytes.
func sameNALs(n int, nal string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = nal
	}
	return out
}

func TestAVCConfig(t *testing.T) {
	sps, pps := fromHex(t, avcSPS), fromHex(t, avcPPS)
	main := bytes.Clone(sps)
	main[1] = 77
	for _, c := range []struct {
		name, bytes string
		config      AVCConfig
	}{
		{
			"high", "01 64000c ff e1 001a" + avcSPS + "01 0006" + avcPPS + "fd f8 f8 00",
			AVCConfig{100, 0, 12, 4, [][]byte{sps}, [][]byte{pps}, []byte{0xFD, 0xF8, 0xF8, 0}},
		},
		{"two PPS, short lengths", "01 4d0014 fd e0 02 0001 68 0002 6801", AVCConfig{77, 0, 20, 2, nil, [][]byte{{0x68}, {0x68, 1}}, nil}},
	} {
		want := fromHex(t, c.bytes)
		if got, err := c.config.Append(nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: wrote %x, %v, want %x", c.name, got, err, want)
		}
		got, err := ParseAVCConfig(want)
		if err != nil || !reflect.DeepEqual(got, c.config) {
			t.Errorf("%s: read %+v, %v, want %+v", c.name, got, err, c.config)
		}
		// Whatever is cut off before the end of the PPS is missed.
		for n := range len(want) - len(c.config.Extra) {
			if _, err := ParseAVCConfig(want[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %d bytes of %d: %v", c.name, n, len(want), err)
			}
		}
	}
	if _, err := ParseAVCConfig(fromHex(t, "00 640014 ff e1 00")); err == nil || !strings.Contains(err.Error(), "version 0") {
		t.Error(err)
	}
	if c, err := ParseAVCConfig(fromHex(t, "01 640014 03 01 0000 01 0000")); err != nil || len(c.SPS)+len(c.PPS) != 0 {
		t.Errorf("empty sets: %+v, %v", c, err)
	}
	for name, c := range map[string]AVCConfig{
		"lengths": {LengthSize: 5}, "SPS: 32": {LengthSize: 4, SPS: make([][]byte, 32)}, "PPS: 256": {LengthSize: 4, PPS: make([][]byte, 256)},
		"one has 0": {LengthSize: 4, SPS: [][]byte{{}}}, "65536": {LengthSize: 4, PPS: [][]byte{make([]byte, 65536)}},
	} {
		if b, err := c.Append([]byte{7}); err == nil || !strings.Contains(err.Error(), name) || len(b) != 1 {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
}

func FuzzAVCConfig(f *testing.F) {
	f.Add(fromHex(f, "01 64000c ff e1 001a"+avcSPS+"01 0006"+avcPPS+"fd f8 f8 00"))
	f.Add(fromHex(f, "01 4d0014 fd e0 02 0001 68 0002 6801"))
	f.Add(fromHex(f, "01 640014 03 01 0000 01 0000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseAVCConfig(b)
		if err != nil {
			return
		}
		first, err := c.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseAVCConfig(first)
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v became %+v, %v", c, again, err)
		}
	})
}
