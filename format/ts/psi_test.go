package ts

import (
	"bytes"
	"testing"
)

// TestPSI follows tables that change: a program map counts as long as the PAT names it.
func TestPSI(t *testing.T) {
	var s PSI
	take := func(b []byte) (completed int) {
		for p := range Split(b) {
			if s.Take(p) {
				completed++
			}
		}
		return completed
	}
	// A map of several packets.
	long := ProgramStream{Type: streamTypeAV, PID: 0x100, Descriptors: make([]byte, 900)}
	tables := AppendTables(nil, 0x1000, long)
	if n := take(tables[PacketSize:]); n != 0 {
		t.Errorf("before the PAT: %d tables", n)
	}
	if n := take(tables); n != 2 || !bytes.Equal(s.PAT.Packets, tables[:PacketSize]) || !bytes.Equal(s.PMTs[0x1000].Packets, tables[PacketSize:]) {
		t.Fatalf("%d tables: %+v", n, s)
	}
	if got := s.PMTs[0x1000].Program().Streams; len(got) != 1 || got[0].PID != 0x100 || len(got[0].Descriptors) != 900 {
		t.Errorf("streams %+v", got)
	}
	take(tables[:2*PacketSize])
	if pmt := s.PMTs[0x1000]; !pmt.Open() || !bytes.Equal(pmt.Packets, tables[PacketSize:]) {
		t.Errorf("the second time it is half there: %+v", pmt)
	}
	other := AppendTables(nil, 0x1001, ProgramStream{Type: streamTypeHEVC, PID: 0x101})
	if take(other[:PacketSize]); len(s.PMTs) != 1 || s.PMTs[0x1001] == nil || len(s.PMTs[0x1001].Packets) > 0 {
		t.Errorf("another program: %+v", s.PMTs)
	}
	if n := take(tables[PacketSize:]); n != 0 {
		t.Errorf("the map of the program that is gone: %d tables", n)
	}
}

// TestPSIRefused: what is not a right, current table in one section is not kept.
func TestPSIRefused(t *testing.T) {
	pat := Packet(AppendTables(nil, 0x1000, ProgramStream{Type: streamTypeAV, PID: 0x100})[:PacketSize])
	for name, change := range map[string]func(p Packet){
		"another table": func(p Packet) { p[5] = 2 },
		"wrong":         func(p Packet) { p[15]++ },
		"damaged":       func(p Packet) { p[1] |= 0x80 },
		"scrambled":     func(p Packet) { p[3] |= 0x80 },
		"too long":      func(p Packet) { p[6], p[7] = 0xBF, 0xFF },
		"goes on":       func(p Packet) { p[6], p[7] = 0xB3, 0xFD },
		"pointer":       func(p Packet) { p[4] = 0xFF },
	} {
		p := Packet(bytes.Clone(pat))
		change(p)
		var got PSI
		if got.Take(p) || len(got.PAT.Packets) > 0 {
			t.Errorf("%s: it is kept", name)
		}
		for range 20 {
			p[1] &^= flagStart
			got.Take(p)
		}
		if len(got.PAT.opened) > maxTablePackets*PacketSize {
			t.Errorf("%s: %d bytes are kept", name, len(got.PAT.opened))
		}
	}
}
