package ts

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
)

// TestShiftStream moves every time stamp of a stream, also through the wrap of 33 bits, and nothing else.
func TestShiftStream(t *testing.T) {
	stream := makeStream(t, 30, "-bf", "2")
	want := readAll(t, NewReader(bytes.NewReader(stream)))
	for _, by := range []int64{1, -90000, 1<<33 - 200_000, 1 << 32} {
		moved := bytes.Clone(stream)
		for p := range Split(moved) {
			p.Shift(by)
		}
		got := readAll(t, NewReader(bytes.NewReader(moved)))
		if len(got) != len(want) {
			t.Fatalf("%d units of %d", len(got), len(want))
		}
		for i := range got {
			if (got[i].PTS-want[i].PTS-by)&media.PTSMask != 0 || (got[i].DTS-want[i].DTS-by)&media.PTSMask != 0 {
				t.Errorf("unit %d moved by %d: PTS %d, DTS %d, were %d, %d", i, by, got[i].PTS, got[i].DTS, want[i].PTS, want[i].DTS)
			}
			got[i].PTS, got[i].DTS = want[i].PTS, want[i].DTS
		}
		sameUnits(t, got, want)
		before := map[int64]int64{}
		for p, at := range Split(stream) {
			if pcr, ok := p.PCR(); ok {
				before[at] = pcr
			}
		}
		for p, at := range Split(moved) {
			if pcr, ok := p.PCR(); ok && (pcr-before[at]-by)&media.PTSMask != 0 || ok != (before[at] != 0) {
				t.Errorf("the PCR at byte %d moved by %d: %d, was %d", at, by, pcr, before[at])
			}
		}
		for p := range Split(moved) {
			p.Shift(-by)
		}
		if !bytes.Equal(moved, stream) {
			t.Error("moved back it is another stream")
		}
	}
}

// TestBreak marks a discontinuity in the adaptation field, or in a packet of its own where there is none.
func TestBreak(t *testing.T) {
	with, without := 0, 0
	for p := range Split(makeStream(t, 10)) {
		if p.Discontinuity() {
			t.Fatal("there is one from the start")
		}
		if p.MarkBreak() {
			if with++; !p.Discontinuity() {
				t.Error("it is not marked")
			}
			continue
		}
		without++
		b := Packet(AppendBreak(nil, p))
		if len(b) != PacketSize || !b.Discontinuity() || b.HasPayload() || b.PID() != p.PID() || (b.Counter()+1)&15 != p.Counter() || b.Starts() {
			t.Errorf("% x before % x", b[:6], p[:4])
		}
	}
	if with == 0 || without == 0 {
		t.Errorf("%d packets have an adaptation field, and %d have none", with, without)
	}
}

// TestPESStart tells what a packet says of the PES packet that begins in it.
func TestPESStart(t *testing.T) {
	packet := func(payload string) Packet {
		b := append([]byte{SyncByte, 0x41, 0, 0x30, byte(PacketSize - 5 - len(payload)), 0}, bytes.Repeat([]byte{0xFF}, PacketSize-6-len(payload))...)
		return append(b, payload...)
	}
	const pts = "\x21\x00\x07\xD8\x61" // 126000
	for name, c := range map[string]struct {
		payload          string
		ok, timed, split bool
	}{
		"timed":            {"\x00\x00\x01\xE0\x00\x00\x80\x80\x05" + pts + "data", true, true, false},
		"untimed":          {"\x00\x00\x01\xE0\x00\x00\x80\x00\x00data", true, false, false},
		"header cut":       {"\x00\x00\x01\xE0\x00\x00\x80", true, false, true},
		"stamps cut":       {"\x00\x00\x01\xE0\x00\x00\x80\x80\x05" + pts[:3], true, false, true},
		"no room for them": {"\x00\x00\x01\xE0\x00\x00\x80\x80\x04" + pts, false, false, false},
		"marker bits":      {"\x00\x00\x01\xE0\x00\x00\x80\x80\x05\x20\x00\x07\xD8\x61", false, false, false},
		"other flags":      {"\x00\x00\x01\xE0\x00\x00\x40\x80\x05" + pts, false, false, false},
		"padding":          {"\x00\x00\x01\xBE\x00\x04aaaa", false, false, false},
		"none":             {"\x00\x00\x02\xE0", false, false, false},
	} {
		s, ok := packet(c.payload).PES()
		if ok != c.ok || s.Timed != c.timed || s.Split != c.split || c.timed && (s.PTS != 126000 || string(s.Content) != "data" || !s.Video() || s.Audio()) {
			t.Errorf("%s: %+v, %t", name, s, ok)
		}
	}
}

// TestNoTables says which table is not there, and how much media came before tables that come too late.
func TestNoTables(t *testing.T) {
	const mapPID = 0x1000
	stream := makeStream(t, 5)
	without := func(pid uint16) (out []byte) {
		for p := range Split(stream) {
			if p.PID() != pid {
				out = append(out, p...)
			}
		}
		return out
	}
	wrong := bytes.Clone(stream)
	for p := range Split(wrong) {
		if p.PID() == patPID {
			p[5+8] ^= 1
		}
	}
	for want, b := range map[string][]byte{
		"no program association table (PAT)": without(patPID), "no program map (PMT)": without(mapPID),
		"no program table (PAT, PMT) with a right CRC": wrong,
	} {
		if _, err := drain(NewReader(bytes.NewReader(b))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	media := without(patPID)
	var late []byte
	for len(late) <= maxEarly {
		late = append(late, media...)
	}
	r := NewReader(bytes.NewReader(append(late, stream...)))
	units, err := drain(r)
	if s := r.Stats(); !errors.Is(err, io.EOF) || len(units) != 5 || s.Damaged != 1 || !strings.Contains(s.LastDamage.Error(), "8 MiB of packets, which are left out") {
		t.Errorf("%d units, %v, %+v", len(units), err, r.Stats())
	}
}

// TestTables reads the program association table that ffmpeg writes.
func TestTables(t *testing.T) {
	var s Sections
	for p := range Split(makeStream(t, 5)) {
		if p.PID() != patPID {
			continue
		}
		s.Push(p.Payload()[:50], p.Starts(), func([]byte, bool) {})
		s.Reset() // what is begun is forgotten
		found := false
		s.Push(p.Payload(), p.Starts(), func(section []byte, right bool) {
			maps, ok := ParsePAT(section)
			if found = true; !ok || !right || len(maps) != 1 || maps[0] != 0x1000 {
				t.Errorf("%x, %t, %t", maps, ok, right)
			}
			if _, ok := ParsePMT(section); ok {
				t.Error("it is a program map too")
			}
		})
		if !found || s.Open() {
			t.Errorf("found %t, open %t", found, s.Open())
		}
	}
}

// TestSplitterLost tells of bytes between packets, and of those after the last.
func TestSplitterLost(t *testing.T) {
	stream := makeStream(t, 5)
	at := len(stream) / PacketSize / 2 * PacketSize
	var told []int64
	r := NewReader(bytes.NewReader(bytes.Join([][]byte{stream[:at], bytes.Repeat([]byte{1}, 100), stream[at:], bytes.Repeat([]byte{2}, 50)}, nil)))
	r.HandlePackets(func(Packet, int64) {}, func(offset, n int64, found bool) {
		told = append(told, offset, n)
		if found != (len(told) == 2) {
			t.Errorf("%d bytes at %d: found %t", n, offset, found)
		}
	})
	_ = readAll(t, r)
	if len(told) != 4 || told[0] != int64(at) || told[1] != 100 || told[2] != int64(len(stream)+100) || told[3] != 50 {
		t.Errorf("%d", told)
	}
}
