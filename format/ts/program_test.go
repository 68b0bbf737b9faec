package ts

import (
	"bytes"
	"slices"
	"testing"

	"github.com/refstream/refstream/media"
)

// TestParsePMT reads program maps that end where they shouldn't: what is whole counts, and one whose descriptors are cut off.
func TestParsePMT(t *testing.T) {
	body := []byte{0xE1, 0, 0xF0, 6, 9, 4, 0, 1, 0xE1, 0x77, 0x1B, 0xE1, 0, 0xF0, 1, 7, 0x15, 0xE1, 2, 0xF0, 0, 0x0F, 0xE1, 1, 0xF0, 6,
		9, 4, 0, 1, 0xE1, 0x78}
	streams := []int{15, 21, 26} // where each has come
	for n := range len(body) + 1 {
		s := section(tableIDPMT, 1, body[:n])[1:]
		s = s[:3+(int(s[1])&0x0F)<<8+int(s[2])]
		p, ok := ParsePMT(s)
		want := 0
		for _, at := range streams {
			if n >= at {
				want++
			}
		}
		if ok != (n >= 4) || len(p.Streams) != want || n == len(body) && !slices.Equal(p.Access, []uint16{0x177, 0x178}) {
			t.Errorf("of %d bytes: %+v, %t", n, p, ok)
		}
	}
	s := section(tableIDPMT, 1, body)[1:]
	p, _ := ParsePMT(s[:3+(int(s[1])&0x0F)<<8+int(s[2])])
	var video, continuous []bool
	for _, s := range p.Streams {
		video, continuous = append(video, s.Video()), append(continuous, s.Continuous())
	}
	if !slices.Equal(video, []bool{true, false, false}) || !slices.Equal(continuous, []bool{true, false, true}) || p.PCR != 0x100 {
		t.Errorf("PCR %#x, video %v, continuous %v", p.PCR, video, continuous)
	}
	s[5] &^= 1 // applies only later
	if _, ok := ParsePMT(s); ok {
		t.Error("a map that is not in force is read")
	}
}

// TestAppendTables has the Reader find a stream whose descriptors need several packets.
func TestAppendTables(t *testing.T) {
	stream := ProgramStream{Type: streamTypeAV, PID: videoPID, Descriptors: bytes.Repeat([]byte{0xC8, 0}, 200)}
	tables := AppendTables(nil, 0x1FF0, stream)
	if len(tables) != 4*PacketSize {
		t.Errorf("%d packets", len(tables)/PacketSize)
	}
	units, tags := readTags(append(tables, withoutTables(writeAll(t, []media.Unit{unitOfSize(0, 9), unitOfSize(1, 999)}))...))
	if len(units) != 2 || len(tags) != 0 {
		t.Errorf("%d units, %d tags", len(units), len(tags))
	}
}

// TestShift moves PCR, PTS and DTS of what a Writer made, over the wrap and back, and changes nothing else.
func TestShift(t *testing.T) {
	stream := writeAll(t, []media.Unit{unitOfSize(0, 9), unitOfSize(1, 999), unitOfSize(2, 99)})
	for _, ticks := range []int64{1, -1, 1 << 32, 1<<33 - 7, -900_000} {
		moved := bytes.Clone(stream)
		for at := 0; at < len(moved); at += PacketSize {
			before, p := Packet(stream[at:at+PacketSize]), Packet(moved[at:at+PacketSize])
			p.Shift(ticks)
			was, ok := before.PES()
			is, still := p.PES()
			pcr, has := before.PCR()
			moved, had := p.PCR()
			if ok != still || has != had || has && moved != (pcr+ticks)&media.PTSMask || was.Timed && (is.PTS != (was.PTS+ticks)&media.PTSMask || is.DTS != (was.DTS+ticks)&media.PTSMask) {
				t.Fatalf("packet %d by %d: %+v, then %+v; PCR %d, then %d", at/PacketSize, ticks, was, is, pcr, moved)
			}
			p.Shift(-ticks)
		}
		if !bytes.Equal(moved, stream) {
			t.Errorf("shifted by %d and back it is another stream", ticks)
		}
	}
}
