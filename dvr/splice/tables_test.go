package splice

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/outputs/ts"
)

// spliced is what is recorded of a stream that comes first.
func spliced(b []byte) []byte {
	s := newSplice(&timeline{}, false, 0)
	var out []byte
	b = bytes.Clone(b)
	for ; len(b) > 0; b = b[ts.PacketSize:] {
		out = s.push(out, ts.Packet(b[:ts.PacketSize]))
	}
	return out
}

// TestTablesRepeated: where the sender tells its tables only at the start, they are put in, so that a reader who begins
// anywhere knows the stream soon. Where it tells them often enough, nothing is changed.
func TestTablesRepeated(t *testing.T) {
	t.Parallel()
	often := stream(t, 4)
	if !bytes.Equal(spliced(often), often) {
		t.Error("a stream with tables is changed")
	}
	var rarely []byte
	told := map[uint16]bool{}
	for b := stream(t, 6); len(b) > 0; b = b[ts.PacketSize:] {
		pid := ts.Packet(b).PID()
		if isTable := pid == 0 || pid == 0x11 || pid == 0x1000; !isTable || !told[pid] {
			rarely = append(rarely, b[:ts.PacketSize]...)
		}
		told[pid] = true
	}
	if n := len(tablesAt(rarely)); n != 1 {
		t.Fatalf("the PAT stands %d times in the stream that should have it once", n)
	}
	got := spliced(rarely)
	counted(t, got)
	times := tablesAt(got)
	for i := 1; i < len(times); i++ {
		if d := times[i] - times[i-1]; d > 60_000 { // half a second, and a packet of sound
			t.Errorf("the tables are %d ticks apart", d)
		}
	}
	if len(times) < 9 {
		t.Errorf("the tables stand %d times in 6 s", len(times))
	}
	dir := t.TempDir()
	whole, half := filepath.Join(dir, "whole.ts"), filepath.Join(dir, "half.ts")
	middle := len(got) / 2 / ts.PacketSize * ts.PacketSize
	for name, b := range map[string][]byte{whole: got, half: got[middle:]} {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	decodes(t, whole)
	packets := probe(t, whole)
	if b := probeBytes(t, rarely); len(packets) != len(b) {
		t.Errorf("ffprobe finds %d packets of %d", len(packets), len(b))
	}
	if all := probe(t, half); len(all) < len(packets)/3 {
		t.Errorf("in the second half ffprobe finds %d packets", len(all))
	}
}

// tablesAt is the times of the PES packets that follow a PAT.
func tablesAt(b []byte) (times []int64) {
	after := false
	for ; len(b) >= ts.PacketSize; b = b[ts.PacketSize:] {
		p := ts.Packet(b[:ts.PacketSize])
		if p.PID() == 0 {
			after = true
		}
		if s, ok := p.PES(); ok && s.Timed && after {
			times, after = append(times, s.DTS), false
		}
	}
	return times
}

// TestTablesRefused: what is not a right, current table in one section is not kept.
func TestTablesRefused(t *testing.T) {
	t.Parallel()
	var pat ts.Packet
	for b := stream(t, 1); pat == nil; b = b[ts.PacketSize:] {
		if p := ts.Packet(b[:ts.PacketSize]); p.PID() == 0 {
			pat = bytes.Clone(p)
		}
	}
	whole := table{}
	if !whole.observe(pat, tableProgramAssociation) || !bytes.Equal(whole.packets, pat) {
		t.Fatalf("the PAT is not kept: %+v", whole)
	}
	for name, change := range map[string]func(p ts.Packet){
		"another table": func(p ts.Packet) { p[5] = 2 },
		"wrong":         func(p ts.Packet) { p[15]++ },
		"damaged":       func(p ts.Packet) { p[1] |= 0x80 },
		"scrambled":     func(p ts.Packet) { p[3] |= 0x80 },
		"too long":      func(p ts.Packet) { p[6], p[7] = 0xBF, 0xFF },
		"goes on":       func(p ts.Packet) { p[6], p[7] = 0xB3, 0xFD },
		"pointer":       func(p ts.Packet) { p[4] = 0xFF },
	} {
		p := ts.Packet(bytes.Clone(pat))
		change(p)
		var got table
		if got.observe(p, tableProgramAssociation) || len(got.packets) > 0 {
			t.Errorf("%s: it is kept", name)
		}
		for range 20 {
			p[1] &^= 0x40
			got.observe(p, tableProgramAssociation)
		}
		if len(got.opened) > maxTablePackets*ts.PacketSize {
			t.Errorf("%s: %d bytes are kept", name, len(got.opened))
		}
	}
}
