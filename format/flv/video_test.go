package flv

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
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
		{"17 00 000000 01", VideoBody{FrameKey, AVCSequenceHeader, 0, []byte{1}, media.H264}},
		{"27 01 000021 aabb", VideoBody{FrameInter, AVCNALUnits, 33, []byte{0xAA, 0xBB}, media.H264}},
		{"27 01 ffffff", VideoBody{FrameInter, AVCNALUnits, -1, []byte{}, media.H264}},
		{"27 01 7fffff", VideoBody{FrameInter, AVCNALUnits, 1<<23 - 1, []byte{}, media.H264}},
		{"27 01 800000", VideoBody{FrameInter, AVCNALUnits, -1 << 23, []byte{}, media.H264}},
		{"47 02 000000", VideoBody{FrameGenerated, AVCEndOfSequence, 0, []byte{}, media.H264}},
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
		"": "empty", "17": "header of 1 bytes", "17000000": "header of 4 bytes", "1200": "codec 2 ", "90": "enhanced header",
		"9061763031": `codec "av01"`, "916176633100": "composition time", "9661766331": "packets of type 6",
	} {
		if _, err := ParseVideo(fromHex(t, b)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", b, err, want)
		}
	}
}

// TestEnhancedVideo reads the form of Enhanced RTMP.
func TestEnhancedVideo(t *testing.T) {
	for in, want := range map[string]VideoBody{
		"90 61766331 01":        {FrameKey, AVCSequenceHeader, 0, []byte{1}, media.H264},
		"a1 61766331 ffffff aa": {FrameInter, AVCNALUnits, -1, []byte{0xAA}, media.H264},
		"a3 68766331 aa":        {FrameInter, AVCNALUnits, 0, []byte{0xAA}, media.HEVC},
		"92 68766331":           {FrameKey, AVCEndOfSequence, 0, []byte{}, media.HEVC},
		"d0 68766331 00":        {Frame: FrameCommand},
		"1c 01 000001 aa":       {FrameKey, AVCNALUnits, 1, []byte{0xAA}, media.HEVC},
	} {
		if got, err := ParseVideo(fromHex(t, in)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", in, got, err, want)
		}
	}
	d := NewDemuxer()
	head := append(append([]byte{1}, make([]byte, 20)...), 0xFF, 1, 0xA1, 0, 1, 0, 3, 0x42, 1, 7)
	for i, body := range [][]byte{append(fromHex(t, "90 68766331"), head...), fromHex(t, "91 68766331 000000 00000003 460150 00000003 260188")} {
		au, ok, err := d.Unit(videoTag(uint32(i), body))
		if err != nil || ok != (i == 1) || ok && (!au.Key || au.Codec() != media.HEVC || len(au.NALs) != 3 || au.NALs[1][0] != 0x42) {
			t.Errorf("tag %d: %+v, %t, %v", i, au, ok, err)
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

// asGiven are faults that leave units as they are, whatever their times.
type asGiven struct{}

func (asGiven) Unit(au media.Unit) ([]media.Unit, error) {
	return []media.Unit{au}, nil
}

// FuzzMuxer gives the muxer NAL units of any bytes: what it takes reads back.
func FuzzMuxer(f *testing.F) {
	sps, pps := fromHex(f, testSPS), fromHex(f, testPPS)
	f.Add(sps, pps, []byte{0x65, 0x88}, int64(90000), int64(90000))
	f.Add(sps, []byte{0x68}, []byte{0x09}, int64(-5), int64(1<<62))
	f.Add([]byte{0x6D, 0x80}, pps, []byte{0x65}, int64(0), int64(3003))
	f.Fuzz(func(t *testing.T, a, b, c []byte, dts, delay int64) {
		nals := [][]byte{a, b, c}
		u := unitOf(media.Unit{Track: h264.Track(nil, nals), Key: true, DTS: dts, PTS: dts + delay, NALs: nals})
		m := NewMuxer(Options{Rate: media.FrameRate{Num: 25, Den: 1}})
		for range 2 {
			chunk, err := m.Unit(u.Unit, u.scripts())
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

// A faulty unit may be shown before it is decoded, and time may go back; a clean one has the tags that it has of Unit.
func TestFaulty(t *testing.T) {
	o := Options{Rate: media.FrameRate{Num: 25, Den: 1}}
	nals := [][]byte{fromHex(t, testSPS), fromHex(t, testPPS), {0x65, 1}}
	m, clean := NewMuxer(o), NewMuxer(o)
	m.Faults = asGiven{}
	for i, at := range []struct{ pts, dts, composition int64 }{{93600, 90000, 40}, {90000, 180000, -1000}, {97200, 93600, 40}, {0, 90 << 23, -1 << 23}} {
		au := media.Unit{Track: h264.Track(nil, nals), Key: true, PTS: at.pts, DTS: at.dts, NALs: nals}
		c, err := m.Unit(au, Scripts{})
		if err != nil {
			t.Fatal(err)
		}
		tag := c.Tags[len(c.Tags)-1]
		body, err := ParseVideo(tag.Body)
		if err != nil || tag.Time != uint32(at.dts/90) || int64(body.Composition) != at.composition {
			t.Errorf("unit %d: time %d, composition %d, %v, want %d and %d", i, tag.Time, body.Composition, err, at.dts/90, at.composition)
		}
		if want, err := clean.Unit(au, Scripts{}); (err == nil) != (at.composition >= 0) || err == nil && !reflect.DeepEqual(want.Tags[len(want.Tags)-1], tag) {
			t.Errorf("unit %d: of a clean stream it is %+v, %v", i, want, err)
		}
	}
	if _, err := m.Unit(media.Unit{DTS: 90<<23 + 90, NALs: nals}, Scripts{}); err == nil || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("too far before: %v", err)
	}
}
