package main

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// TestUnitEnds writes pictures with the project's own muxer and cuts the bytes anywhere: each picture must be told of
// with the time at which its last byte came.
func TestUnitEnds(t *testing.T) {
	var stream bytes.Buffer
	w := ts.NewWriter(&stream)
	var want []tapLine
	for i, size := range []int{3000, 10, 700, 1, 184, 170} {
		nal := append([]byte{0x41}, bytes.Repeat([]byte{0xaa}, size)...)
		// Nearly at the wrap of the 33 bits, which is not this reader's business.
		pts := media.PTSMask - 6000 + int64(i)*3000
		if err := w.WriteUnit(media.Unit{Frame: int64(i), PTS: pts, DTS: pts, NALs: [][]byte{nal}}); err != nil {
			t.Fatal(err)
		}
		// The clock of this test is the number of bytes that have come.
		want = append(want, tapLine{PTS: pts & media.PTSMask, Left: int64(stream.Len())})
	}
	for _, piece := range []int{1, 100, ts.PacketSize, ts.PacketSize + 1, 1000, stream.Len()} {
		var got []tapLine
		u := unitEnds{found: func(pts int64, left time.Time) error {
			got = append(got, tapLine{PTS: pts, Left: left.UnixNano()})
			return nil
		}}
		done := 0
		for b := range slices.Chunk(stream.Bytes(), piece) {
			done += len(b)
			if err := u.write(b, time.Unix(0, int64(done))); err != nil {
				t.Fatal(err)
			}
		}
		if err := u.end(); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("pieces of %d: %d pictures, want %d", piece, len(got), len(want))
		}
		for i, g := range got {
			// A piece comes as a whole, so a picture's last byte may come with up to a piece more.
			if g.PTS != want[i].PTS || g.Left < want[i].Left || g.Left >= want[i].Left+int64(piece) {
				t.Errorf("pieces of %d, picture %d: PTS %d at byte %d, want %d at byte %d", piece, i, g.PTS, g.Left, want[i].PTS, want[i].Left)
			}
		}
	}
}

func FuzzUnitEnds(f *testing.F) {
	f.Add([]byte("ffmpeg version 5.1"))
	packet := make([]byte, ts.PacketSize)
	copy(packet, []byte{0x47, 0x41, 0x00, 0x30, 0x07, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1})
	f.Add(packet)
	f.Fuzz(func(t *testing.T, b []byte) {
		u := unitEnds{found: func(pts int64, _ time.Time) error {
			if pts < 0 || pts > media.PTSMask {
				t.Errorf("PTS %d has not 33 bits", pts)
			}
			return nil
		}}
		if err := u.write(b, time.Time{}); err != nil {
			t.Error(err)
		}
		if err := u.end(); err != nil {
			t.Error(err)
		}
	})
}
