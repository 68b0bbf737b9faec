package media

import "testing"

func TestUnit(t *testing.T) {
	for _, c := range []struct {
		unit  Unit
		codec Codec
		size  int
	}{
		{Unit{NALs: [][]byte{make([]byte, 3), make([]byte, 4)}}, H264, 7},
		{Unit{Track: &Track{Codec: HEVC}, NALs: [][]byte{{1}}}, HEVC, 1},
		{Unit{Track: &Track{Codec: AAC}, Sound: make([]byte, 5)}, AAC, 5},
	} {
		if got := c.unit.Codec(); got != c.codec || c.unit.Size() != c.size {
			t.Errorf("%v of %d bytes, want %v of %d", got, c.unit.Size(), c.codec, c.size)
		}
	}
}

func TestTrackEqual(t *testing.T) {
	sets := [][]byte{{0x67, 1}, {0x68, 2}}
	base := &Track{Timescale: 90000, CodecString: "avc1.64001f", Sets: sets}
	for _, c := range []struct {
		name string
		a, b *Track
		want bool
	}{
		{"none", nil, nil, true},
		{"one", nil, base, false},
		{"the same", base, base, true},
		{"same sets", base, &Track{Timescale: 90000, Sets: [][]byte{{0x67, 1}, {0x68, 2}}}, true},
		{"another set", base, &Track{Timescale: 90000, Sets: sets[:1]}, false},
		{"rendition", base, &Track{Timescale: 90000, Sets: sets, Rendition: "720p"}, false},
		{"codec", base, &Track{Codec: HEVC, Timescale: 90000, Sets: sets}, false},
		{"timescale", base, &Track{Timescale: 48000, Sets: sets}, false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s: equal is %t", c.name, !c.want)
		}
	}
}
