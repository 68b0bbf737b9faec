package flv

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
)

// A real SPS (High, 320x180) and PPS of x264.
const (
	testSPS = "6764000cacd941419f9f011000000300100000030321f1429960"
	testPPS = "68ebe3cb22c0"
)

type videoCase struct {
	bytes string
	body  VideoBody
}

func videoCases() []videoCase {
	return []videoCase{
		{"17 00 000000 01", VideoBody{FrameKey, AVCSequenceHeader, 0, []byte{1}}},
		{"27 01 000021 aabb", VideoBody{FrameInter, AVCNALUnits, 33, []byte{0xAA, 0xBB}}},
		{"27 01 ffffff", VideoBody{FrameInter, AVCNALUnits, -1, []byte{}}},
		{"27 01 7fffff", VideoBody{FrameInter, AVCNALUnits, 1<<23 - 1, []byte{}}},
		{"27 01 800000", VideoBody{FrameInter, AVCNALUnits, -1 << 23, []byte{}}},
		{"47 02 000000", VideoBody{FrameGenerated, AVCEndOfSequence, 0, []byte{}}},
	}
}

func TestVideoBody(t *testing.T) {
	for _, c := range videoCases() {
		want := fromHex(t, c.bytes)
		if got := c.body.Append([]byte{7}); !bytes.Equal(got[1:], want) || got[0] != 7 {
			t.Errorf("wrote %x, want %x", got, want)
		}
		if got, err := ParseVideo(want); err != nil || !reflect.DeepEqual(got, c.body) {
			t.Errorf("%x: read %+v, %v, want %+v", want, got, err, c.body)
		}
	}
	if got, err := ParseVideo([]byte{0x52, 0}); err != nil || got.Frame != FrameCommand {
		t.Errorf("a command: %+v, %v", got, err)
	}
	for b, want := range map[string]string{
		"": "empty", "17": "header of 1 bytes", "17000000": "header of 4 bytes", "1200": "codec 2 ", "9068766331": `codec "hvc1"`, "90": `codec ""`,
	} {
		if _, err := ParseVideo(fromHex(t, b)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", b, err, want)
		}
	}
}

func TestSplitNALs(t *testing.T) {
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
		got, err := SplitNALs(b, c.size)
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
	sps, pps := fromHex(t, testSPS), fromHex(t, testPPS)
	main := bytes.Clone(sps)
	main[1] = 77
	for _, c := range []struct {
		name, bytes string
		config      AVCConfig
	}{
		{
			"high", "01 64000c ff e1 001a" + testSPS + "01 0006" + testPPS + "fd f8 f8 00",
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

func FuzzDemuxer(f *testing.F) {
	header := fromHex(f, "17 00 000000 01 64000c ff e1 001a"+testSPS+"01 0006"+testPPS+"fd f8 f8 00")
	f.Add(header, fromHex(f, "17 01 000000 00000002 6588"), uint32(1<<32-5))
	f.Add(header, fromHex(f, "27 01 ffffff 00000002 09f0 00000002 4188"), uint32(1<<24))
	f.Add(fromHex(f, "17 00 000000 01 4d0014 fd e0 02 0001 68 0002 6801"), fromHex(f, "17 01 000000 0001 65"), uint32(0))
	for _, c := range videoCases() {
		f.Add(header, fromHex(f, c.bytes), uint32(3))
	}
	f.Fuzz(func(t *testing.T, first, second []byte, ms uint32) {
		d := NewDemuxer()
		last := int64(-1)
		for i, body := range [][]byte{first, second, second, first, second} {
			au, ok, err := d.Unit(Tag{Type: Video, Time: ms * uint32(i), Body: body})
			if ok && (err != nil || len(au.NALs) == 0 || au.Frame != -1) {
				t.Fatalf("%+v, %v", au, err)
			}
			for _, nal := range au.NALs {
				if len(nal) == 0 {
					t.Fatal("an empty NAL unit")
				}
			}
			if ok && uint32(au.DTS/90)&(1<<31-1) != ms*uint32(i)&(1<<31-1) {
				t.Fatalf("DTS %d is not at %d ms", au.DTS, ms*uint32(i))
			}
			if ok && last >= 0 && max(au.DTS-last, last-au.DTS) > 1<<31*90 {
				t.Fatalf("DTS %d after %d", au.DTS, last)
			}
			if ok {
				last = au.DTS
			}
		}
	})
}

func FuzzAVCConfig(f *testing.F) {
	f.Add(fromHex(f, "01 64000c ff e1 001a"+testSPS+"01 0006"+testPPS+"fd f8 f8 00"))
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

// FuzzMuxer gives the muxer NAL units of any bytes: what it takes reads back.
func FuzzMuxer(f *testing.F) {
	sps, pps := fromHex(f, testSPS), fromHex(f, testPPS)
	f.Add(sps, pps, []byte{0x65, 0x88}, int64(90000), int64(90000))
	f.Add(sps, []byte{0x68}, []byte{0x09}, int64(-5), int64(1<<62))
	f.Add([]byte{0x6D, 0x80}, pps, []byte{0x65}, int64(0), int64(3003))
	f.Fuzz(func(t *testing.T, a, b, c []byte, dts, delay int64) {
		u := unitOf(media.AccessUnit{Key: true, DTS: dts, PTS: dts + delay, NALs: [][]byte{a, b, c}})
		m := NewMuxer(Options{Rate: media.FrameRate{Num: 25, Den: 1}})
		for range 2 {
			chunk, err := m.Unit(u)
			if err != nil {
				return
			}
			d := NewDemuxer()
			if _, _, err := d.Unit(chunk.Head[1]); err != nil {
				t.Fatal(err)
			}
			au, ok, err := d.Unit(chunk.Tags[len(chunk.Tags)-1])
			if err != nil || !ok || len(au.NALs) == 0 {
				t.Fatalf("%+v, %t, %v", au, ok, err)
			}
		}
	})
}
