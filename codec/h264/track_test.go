package h264

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/refstream/refstream/media"
)

func TestTrack(t *testing.T) {
	sps, pps, slice := fromHex(t, avcSPS), fromHex(t, avcPPS), []byte{0x41, 1}
	other := bytes.Clone(sps)
	other[3] = 30
	var track *media.Track
	for _, c := range []struct {
		name  string
		nals  [][]byte
		same  bool
		codec string
		sets  [][]byte
	}{
		{"no sets yet", [][]byte{slice}, false, "", nil},
		{"none again", [][]byte{slice}, true, "", nil},
		{"first", [][]byte{{9, 0xF0}, sps, pps, {0x65, 1}}, false, "avc1.64000c", [][]byte{sps, pps}},
		{"without", [][]byte{slice}, true, "avc1.64000c", [][]byte{sps, pps}},
		{"twice the same", [][]byte{sps, pps, sps, pps, {0x65, 1}}, true, "avc1.64000c", [][]byte{sps, pps}},
		{"PPS alone", [][]byte{{0x68, 1}, slice}, true, "avc1.64000c", [][]byte{sps, pps}},
		{"another", [][]byte{other, pps}, false, "avc1.64001e", [][]byte{other, pps}},
		{"SPS extension", [][]byte{sps, {0x6D, 1}, pps}, false, "avc1.64000c", [][]byte{sps, {0x6D, 1}, pps}},
		{"unreadable", [][]byte{{0x67}, pps}, false, "", [][]byte{{0x67}, pps}},
	} {
		got := Track(track, c.nals)
		if (got == track) != c.same || got.Codec != media.H264 || got.Timescale != 90000 || got.CodecString != c.codec ||
			(got.Width == 320) != (c.codec != "") || !reflect.DeepEqual(got.Sets, c.sets) {
			t.Errorf("%s: %+v, the same: %t", c.name, got, got == track)
		}
		track = got
	}
	held := bytes.Clone(sps)
	track = Track(nil, [][]byte{held, pps})
	held[5]++
	if !bytes.Equal(track.Sets[0], sps) {
		t.Error("the track holds bytes of the unit")
	}
}
