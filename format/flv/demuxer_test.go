package flv

import (
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
)

func videoTag(ms uint32, body []byte) Tag { return Tag{Type: Video, Time: ms, Body: body} }

func TestDemuxerTimes(t *testing.T) {
	header := fromHex(t, "17 00 000000 01 64000c ff e1 001a"+testSPS+"01 0006"+testPPS)
	picture := fromHex(t, "27 01 000000 00000002 4101")
	for name, c := range map[string]struct {
		wire []uint32
		want []int64 // ms
	}{
		"as on the wire":    {[]uint32{4_000_000_000, 4_000_000_040}, []int64{4_000_000_000, 4_000_000_040}},
		"wrap":              {[]uint32{1<<32 - 40, 0, 40}, []int64{1<<32 - 40, 1 << 32, 1<<32 + 40}},
		"back over a wrap":  {[]uint32{1<<32 - 40, 0, 1<<32 - 40, 40}, []int64{1<<32 - 40, 1 << 32, 1<<32 - 40, 1<<32 + 40}},
		"before the first":  {[]uint32{40, 1<<32 - 40}, []int64{40, -40}},
		"wrap of 31 bits":   {[]uint32{1<<31 - 40, 0, 40, 1<<31 - 80}, []int64{1<<31 - 40, 1 << 31, 1<<31 + 40, 1<<31 - 80}},
		"through 2^31":      {[]uint32{1<<31 - 40, 1 << 31, 1<<31 + 40}, []int64{1<<31 - 40, 1 << 31, 1<<31 + 40}},
		"gap and back":      {[]uint32{0, 1 << 30, 0}, []int64{0, 1 << 30, 0}},
		"gap of three days": {[]uint32{1<<32 - 1000, 3 * 86400_000}, []int64{1<<32 - 1000, 1<<32 + 3*86400_000}},
	} {
		d := NewDemuxer()
		if got := d.Ticks(7); got != 630 {
			t.Errorf("before any picture 7 ms are %d ticks", got)
		}
		if _, ok, err := d.Unit(videoTag(0, header)); ok || err != nil {
			t.Fatalf("%t, %v", ok, err)
		}
		for i, ms := range c.wire {
			au, ok, err := d.Unit(videoTag(ms, picture))
			if err != nil || !ok || au.DTS != c.want[i]*90 || au.PTS != au.DTS {
				t.Errorf("%s: unit %d at DTS %d, %t, %v, want %d", name, i, au.DTS, ok, err, c.want[i]*90)
			}
		}
	}
}

// TestDemuxerSets: which units get the parameter sets, and where.
func TestDemuxerSets(t *testing.T) {
	d := NewDemuxer()
	for i, c := range []struct {
		body, want string // types of the NAL units, - for no unit
	}{
		{"17 00 000000 01 64000c ff e1 001a" + testSPS + "01 0006" + testPPS, "-"},
		{"27 01 000000 00000002 4101", "7 8 1"}, // the first after a header, so that nothing is lost
		{"27 01 000000 00000002 4101", "1"},
		{"17 01 000000 00000002 09f0 00000002 6501", "9 7 8 5"},
		{"17 01 000000 00000002 6701 00000002 6801 00000002 6501", "7 8 5"},
		{"27 02 000000", "-"},
		{"52 00", "-"},
		{"17 00 000000 01 64000c fe e1 001a" + testSPS + "02 0006" + testPPS + "0002 6840", "-"},
		{"27 01 000000 000002 4101", "7 8 8 1"},
		{"27 03 000000", "-"},
	} {
		au, ok, err := d.Unit(videoTag(uint32(i), fromHex(t, c.body)))
		if err != nil {
			t.Fatal(err)
		}
		types := []string{"-"}
		if ok {
			types = nil
		}
		for _, nal := range au.NALs {
			types = append(types, string('0'+byte(h264.TypeOf(nal))))
		}
		if got := strings.Join(types, " "); got != c.want {
			t.Errorf("tag %d: %s, want %s", i, got, c.want)
		}
	}
}

// TestDemuxerErrors: a bad tag is named, and the next one is read.
func TestDemuxerErrors(t *testing.T) {
	d := NewDemuxer()
	header := "17 00 000000 01 64000c ff e1 001a" + testSPS + "01 0006" + testPPS
	var got []string
	for i, body := range []string{
		"17 01 000000 00000002 6501", "17 00 000000 02", header, "27 01 000000 00000003 4101", "17 00 000000 01 64", "22", "27 01 000000", "",
		"27 01 000000 00000002 4101",
	} {
		_, ok, err := d.Unit(videoTag(uint32(i), fromHex(t, body)))
		switch {
		case err != nil:
			got = append(got, err.Error())
		case ok:
			got = append(got, "ok")
		}
	}
	want := []string{
		"video tag at 0 ms: no sequence header came before it",
		"video tag at 1 ms: read AVC configuration: 1 bytes: unexpected EOF",
		"video tag at 3 ms: split NAL units: 3 bytes at byte 0, of which 2 are there: unexpected EOF",
		"video tag at 4 ms: read AVC configuration: 2 bytes: unexpected EOF",
		"video tag at 5 ms: read video tag: codec 2 is not read here, H.264 (7) and HEVC (12) are",
		"video tag at 6 ms: no NAL units",
		"video tag at 7 ms: read video tag: empty body",
		"ok",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, tag := range []Tag{{Type: Audio, Body: []byte{1}}, {Type: Script}, {Type: 15}} {
		if _, ok, err := d.Unit(tag); ok || err != nil {
			t.Errorf("type %d: %t, %v", tag.Type, ok, err)
		}
	}
}
