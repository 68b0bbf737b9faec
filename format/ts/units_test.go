package ts

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/refstream/refstream/media"
)

// TestReaderUntimed: what has no PTS of its own is a unit without time, and no time is made up for it.
func TestReaderUntimed(t *testing.T) {
	delimiter, idr, slice, more := []byte{9, 0xF0}, []byte{0x65, 0x88, 1}, []byte{0x41, 0x9A, 2}, []byte{0x41, 0x1A, 3}
	units := []media.Unit{
		{PTS: 7000, DTS: 4000, Key: true, NALs: [][]byte{delimiter, idr, more, delimiter, slice}},
		{PTS: 13000, DTS: 10000, NALs: [][]byte{slice, more, slice}}, // without delimiters
		{PTS: 19000, DTS: 16000, NALs: [][]byte{delimiter, slice}},
		{PTS: 22000, DTS: 19000, NALs: [][]byte{delimiter, slice}},
	}
	stream := writeAll(t, units)
	last := bytes.LastIndex(stream, []byte{0, 0, 1, 0xE0})
	third := bytes.LastIndex(stream[:last], []byte{0, 0, 1, 0xE0})
	stream[third+7] = 0 // no PTS
	var got []string
	for _, au := range readAll(t, NewReader(bytes.NewReader(stream))) {
		got = append(got, fmt.Sprint(au.PTS, au.DTS, au.Untimed, au.Key, len(au.NALs)))
	}
	want := []string{"7000 4000 false true 3", "7000 4000 true false 2", "13000 10000 false false 3", "13000 10000 true false 1",
		"10000 10000 true false 2", "22000 19000 false false 2"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestSplitUnits has the access units of HEVC in one PES packet told apart.
func TestSplitUnits(t *testing.T) {
	vps, sei, first, more, suffix := []byte{0x40, 1}, []byte{0x4E, 1, 2}, []byte{0x02, 1, 0x80}, []byte{0x02, 1, 0x40}, []byte{0x50, 1}
	var sizes []int
	for _, u := range splitUnits(media.HEVC, [][]byte{vps, sei, first, more, suffix, sei, first, first, more, vps}) {
		sizes = append(sizes, len(u))
	}
	if !slices.Equal(sizes, []int{5, 2, 2, 1}) {
		t.Errorf("units of %d NAL units", sizes)
	}
}
