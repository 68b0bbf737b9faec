package splice

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/format/ts"
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
