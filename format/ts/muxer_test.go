package ts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asticode/go-astits"

	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

// mux packs the units, with a marker at every fifth, and returns what each became.
func mux(t testing.TB, m *Muxer, units []media.Unit) (chunks [][]byte, told []id3.Timed) {
	t.Helper()
	for i, au := range units {
		var tags []id3.Timed
		if i%5 == 0 {
			tags = []id3.Timed{testTag(int64(i))}
			tags[0].PTS = au.PTS
			told = append(told, tags...)
		}
		b, err := m.Unit(au, tags...)
		if err != nil {
			t.Fatal(err)
		}
		chunks = append(chunks, b)
	}
	return chunks, told
}

// TestMuxer packs real video: what comes out is the same as by a Writer, but for the tables, and a receiver may begin at
// every key frame.
func TestMuxer(t *testing.T) {
	units := shift(readAll(t, NewReader(bytes.NewReader(makeStream(t, 80, "-bf", "2")))), 90000)
	chunks, told := mux(t, NewMuxer(), units)
	packets := slices.Concat(chunks...)
	got, tags, stats := readID3(t, packets)
	sameUnits(t, got, units)
	sameTags(t, tags, told)
	if stats.Gaps != 0 || stats.Damaged != 0 || stats.DamagedID3 != 0 {
		t.Errorf("%+v", stats)
	}
	if w := warnings(t, packets); w != "" {
		t.Errorf("ffmpeg: %s", w)
	}
	written, _ := withTags(t, units)
	if !bytes.Equal(withoutTables(packets), withoutTables(written)) {
		t.Error("a Writer makes other packets")
	}
	for i, au := range units {
		if !au.Key {
			continue
		}
		got := readAll(t, NewReader(bytes.NewReader(slices.Concat(chunks[i:]...))))
		sameUnits(t, got, units[i:])
	}
	if again, _ := mux(t, NewMuxer(), units); !bytes.Equal(slices.Concat(again...), packets) {
		t.Error("the same units give other bytes")
	}
}

func withoutTables(packets []byte) (b []byte) {
	for ; len(packets) > 0; packets = packets[188:] {
		if pid := (int(packets[1])<<8 | int(packets[2])) & NullPID; pid != 0 && pid != pmtPID {
			b = append(b, packets[:188]...)
		}
	}
	return b
}

// withoutReferences leaves out the packets at the start that hold a PCR alone.
func withoutReferences(b []byte) []byte {
	for b[3]&0x30 == 0x20 {
		b = b[188:]
	}
	return b
}

// TestMuxerTables has another reader watch how often the tables come, and the PCR, at every frame rate, in a stream with
// a key frame only now and then, and across the wrap of time stamps.
func TestMuxerTables(t *testing.T) {
	rates := append(media.FrameRates(), []media.FrameRate{{Num: 1, Den: 1}, {Num: 3, Den: 2}, {Num: 5, Den: 1}, {Num: 25, Den: 2}, {Num: 15, Den: 1}, {Num: 240, Den: 1}}...)
	for _, rate := range rates {
		for _, gop := range []int64{1, 7, 48, 250} {
			m := NewMuxer()
			m.Step = rate.Ticks(1)
			var packets []byte
			for n := range int64(500) {
				dts := media.PTSMask - 300000 + rate.Ticks(n)
				b, err := m.Unit(media.Unit{DTS: dts, PTS: dts, Key: n%gop == 0, NALs: [][]byte{{0x41, 1}}})
				if err != nil {
					t.Fatal(err)
				}
				if first := withoutReferences(b); n%gop == 0 && (first[1]&0x1F != 0 || first[2] != 0) {
					t.Fatalf("%v: no tables before the key frame %d", rate, n)
				}
				packets = append(packets, b...)
			}
			last, tables, seen, clock := map[uint16]int64{}, 0, map[uint16]bool{}, int64(-1)
			d := astits.NewDemuxer(context.Background(), bytes.NewReader(packets), astits.DemuxerOptPacketSize(188))
			for {
				p, err := d.NextPacket()
				if errors.Is(err, astits.ErrNoMorePackets) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				pid := p.Header.PID
				if pid != videoPID {
					seen[pid] = true
					tables++
					continue
				}
				if !p.Header.HasPayload && 2*rate.Num >= 25*rate.Den { // some monitors miscount those
					t.Fatalf("%v: a packet without payload", rate)
				}
				wire := p.AdaptationField.PCR.Base
				if clock < 0 {
					clock = wire
				}
				if at := media.Unwrap(wire, clock); at-clock > 4500 {
					t.Fatalf("%v, GOP %d: %d ticks between PCRs", rate, gop, at-clock)
				}
				clock = media.Unwrap(wire, clock)
				for pid := range seen {
					if at, ok := last[pid]; ok && clock-at > 36000 {
						t.Fatalf("%v, GOP %d: %d ticks between tables on PID %#x", rate, gop, clock-at, pid)
					}
					last[pid] = clock
				}
				clear(seen)
				for _, pid := range []uint16{patPID, pmtPID} {
					if clock-last[pid] > 36000 {
						t.Fatalf("%v, GOP %d: %d ticks without a table on PID %#x", rate, gop, clock-last[pid], pid)
					}
				}
			}
			if gop == 250 && int64(tables) > 2*(2+rate.Ticks(500)/30000) {
				t.Errorf("%v: %d packets of tables, more than are needed", rate, tables)
			}
		}
	}
}

// TestMuxerStartsAnew: when time goes back, the tables come at once.
func TestMuxerStartsAnew(t *testing.T) {
	m := NewMuxer()
	for i, tt := range []struct {
		dts    int64
		tables bool
	}{{90000, true}, {93600, false}, {3600, true}, {7200, false}, {900000, true}} {
		b, err := m.Unit(media.Unit{DTS: tt.dts, PTS: tt.dts, NALs: [][]byte{{0x41, 1}}})
		if err != nil {
			t.Fatal(err)
		}
		if tables := b[1]&0x1F == 0 && b[2] == 0; tables != tt.tables {
			t.Errorf("unit %d: tables %t, want %t", i, tables, tt.tables)
		}
	}
}

// TestMuxerRefuses: a unit that is refused leaves no trace in the stream.
func TestMuxerRefuses(t *testing.T) {
	good := unitOfSize(1, 100)
	for want, bad := range map[string]media.Unit{
		"frame 7: no NAL units":         {Frame: 7},
		"frame 8: DTS 2 is after PTS 1": {Frame: 8, DTS: 2, PTS: 1, NALs: [][]byte{{9}}},
	} {
		m, other := NewMuxer(), NewMuxer()
		if b, err := m.Unit(bad, testTag(2)); b != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d bytes, error %v, want %q in it", len(b), err, want)
		}
		b, err := m.Unit(good)
		same, _ := other.Unit(good)
		if err != nil || !bytes.Equal(b, same) {
			t.Errorf("%s: the next unit is another: %v", want, err)
		}
	}
}

// TestMuxerOwnership: the bytes are the caller's, with little room to spare, and the unit stays as it was.
func TestMuxerOwnership(t *testing.T) {
	m := NewMuxer()
	for size := 1; size < 70000; size += 977 {
		u, tag := unitOfSize(0, size), testTag(0)
		before := fmt.Sprint(u, tag)
		b, err := m.Unit(u, tag)
		if err != nil {
			t.Fatal(err)
		}
		kept := bytes.Clone(b)
		if spare := cap(b) - len(b); spare > 7*188 {
			t.Errorf("%d bytes to spare at %d", spare, len(b))
		}
		if _, err := m.Unit(unitOfSize(1, size)); err != nil || !bytes.Equal(b, kept) || fmt.Sprint(u, tag) != before {
			t.Errorf("changed afterwards, %v", err)
		}
	}
}

func BenchmarkMuxer25kB(b *testing.B) {
	u := unitOfSize(0, 25000)
	m := NewMuxer()
	b.SetBytes(25000)
	b.ReportAllocs()
	for b.Loop() {
		u.DTS += 3003
		u.PTS, u.Key = u.DTS, false
		if _, err := m.Unit(u); err != nil {
			b.Fatal(err)
		}
	}
}
