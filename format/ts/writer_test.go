package ts

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/asticode/go-astits"

	"github.com/refstream/refstream/media"
)

// TestWriterSeenByFFprobe writes streams again that ffmpeg encoded and has ffprobe and ffmpeg's decoder read them.
func TestWriterSeenByFFprobe(t *testing.T) {
	const wrap = media.PTSMask + 1
	firsts := map[string]int64{"origin": 90000, "wraps": wrap - 100000, "second wrap": 2*wrap - 5000, "zero": 0}
	for i, bframes := range []int{0, 2, 3} {
		stream := makeStream(t, 60, "-bf", strconv.Itoa(bframes))
		units := readAll(t, NewReader(bytes.NewReader(stream)))
		pictures := decode(t, stream)
		for k, name := range slices.Sorted(maps.Keys(firsts)) {
			if testing.Short() && k%3 != i {
				continue // each beginning once
			}
			first := firsts[name]
			t.Run(strconv.Itoa(bframes)+" "+name, func(t *testing.T) {
				units := shift(units, first)
				out := writeAll(t, units)
				packets := probe(t, out)
				if len(packets) != len(units) {
					t.Fatalf("ffprobe sees %d packets, want %d", len(packets), len(units))
				}
				for i, p := range packets {
					want := probed{units[i].PTS & media.PTSMask, units[i].DTS & media.PTSMask, p.Size, "__"}
					if units[i].Key {
						want.Flags = "K_"
					}
					if p != want {
						t.Errorf("packet %d: ffprobe sees %+v, want %+v", i, p, want)
					}
				}
				if decode(t, out) != pictures {
					t.Error("the decoded pictures differ")
				}
				sameUnits(t, readAll(t, NewReader(bytes.NewReader(out))), shift(units, first&media.PTSMask))
			})
		}
	}
}

// TestWriterPackets reads every packet of a stream with another reader and checks what players rely on.
func TestWriterPackets(t *testing.T) {
	units := shift(readAll(t, NewReader(bytes.NewReader(makeStream(t, 60, "-bf", "2")))), 90000)
	out := writeAll(t, units)
	if len(out)%188 != 0 {
		t.Fatalf("%d bytes are not whole packets", len(out))
	}
	counters := map[uint16]uint8{}
	lastPCR := int64(-1)
	unit := -1
	var order []uint16
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(out), astits.DemuxerOptPacketSize(188))
	for {
		p, err := d.NextPacket()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		pid := p.Header.PID
		order = append(order, pid)
		if want, ok := counters[pid]; ok && p.Header.ContinuityCounter != want {
			t.Fatalf("PID %#x: continuity counter %d, want %d", pid, p.Header.ContinuityCounter, want)
		}
		counters[pid] = (p.Header.ContinuityCounter + 1) & 15
		if pid != 0x100 {
			continue
		}
		af := p.AdaptationField
		if !p.Header.PayloadUnitStartIndicator {
			if af != nil && (af.HasPCR || af.RandomAccessIndicator) {
				t.Errorf("unit %d: PCR or random access after its first packet", unit)
			}
			continue
		}
		unit++
		au := units[unit]
		if af == nil || !af.HasPCR {
			t.Fatalf("unit %d has no PCR", unit)
		}
		if af.RandomAccessIndicator != au.Key {
			t.Errorf("unit %d: random access %t, want %t", unit, af.RandomAccessIndicator, au.Key)
		}
		pcr := af.PCR.Base
		if pcr > au.DTS || pcr != au.DTS-4500 || pcr-lastPCR > 9000 && lastPCR >= 0 || pcr <= lastPCR {
			t.Errorf("unit %d: PCR %d after %d, DTS %d", unit, pcr, lastPCR, au.DTS)
		}
		lastPCR = pcr
	}
	if unit != len(units)-1 {
		t.Errorf("%d units, want %d", unit+1, len(units))
	}
	if !slices.Equal(order[:3], []uint16{0, 0x1000, 0x100}) {
		t.Errorf("first PIDs %#x", order[:3])
	}
}

// TestWriterTables has another reader take the tables apart.
func TestWriterTables(t *testing.T) {
	out := writeAll(t, []media.Unit{{NALs: [][]byte{{0x65, 1}}, PTS: 1, DTS: 1}})
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(out), astits.DemuxerOptPacketSize(188))
	pat, err := d.NextData()
	if err != nil || pat.PAT == nil || len(pat.PAT.Programs) != 1 || pat.PAT.Programs[0].ProgramMapID != 0x1000 {
		t.Fatalf("PAT %+v, %v", pat, err)
	}
	pmt, err := d.NextData()
	if err != nil || pmt.PMT == nil || len(pmt.PMT.ElementaryStreams) != 2 || pmt.PMT.PCRPID != 0x100 {
		t.Fatalf("PMT %+v, %v", pmt, err)
	}
	if es := pmt.PMT.ElementaryStreams[0]; es.StreamType != astits.StreamTypeH264Video || es.ElementaryPID != 0x100 {
		t.Errorf("stream %+v", es)
	}
}

// TestWriterSizes goes through every way the last packet can be filled up, and over the limit of PES_packet_length.
func TestWriterSizes(t *testing.T) {
	var units []media.Unit
	for size := 1; size < 3*184; size++ {
		units = append(units, unitOfSize(int64(len(units)), size))
	}
	for size := maxPESLength - 40; size < maxPESLength+40; size++ {
		units = append(units, unitOfSize(int64(len(units)), size))
	}
	out := writeAll(t, units)
	want := make([]media.Unit, len(units))
	for i, au := range units {
		au.NALs = append([][]byte{{9, 0xF0}}, au.NALs...)
		want[i] = au
	}
	sameUnits(t, readAll(t, NewReader(bytes.NewReader(out))), want)

	d := astits.NewDemuxer(context.Background(), bytes.NewReader(out), astits.DemuxerOptPacketSize(188))
	i := 0
	for {
		data, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if data.PES == nil {
			continue
		}
		nal := units[i].NALs[0]
		wantES := append([]byte{0, 0, 0, 1, 9, 0xF0, 0, 0, 0, 1}, nal...)
		if !bytes.Equal(data.PES.Data, wantES) {
			t.Fatalf("unit %d of %d bytes: astits reads %d bytes, want %d", i, len(nal), len(data.PES.Data), len(wantES))
		}
		if h := data.PES.Header.OptionalHeader; h.PTS.Base != units[i].PTS || !h.DataAlignmentIndicator {
			t.Fatalf("unit %d: PES header %+v", i, h)
		}
		i++
	}
	if i != len(units) {
		t.Errorf("astits reads %d units, want %d", i, len(units))
	}
}

// unitOfSize is a unit of one NAL unit with that many bytes, which contain no start code.
func unitOfSize(n int64, size int) media.Unit {
	nal := bytes.Repeat([]byte{0x47}, size) // the sync byte, to tempt a reader
	nal[0] = 0x65
	return media.Unit{Frame: n, PTS: 90000 + n*3003, DTS: 90000 + n*3003, Key: true, NALs: [][]byte{nal}}
}

func TestWriterStartCodes(t *testing.T) {
	au := media.Unit{NALs: [][]byte{{9, 0x10}, {0x67, 1}, {0x68, 2}, {6, 3}, {0x65, 4}, {0x65, 5}}}
	var b bytes.Buffer
	if err := NewWriter(&b).WriteUnit(au); err != nil {
		t.Fatal(err)
	}
	want := []byte{0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 6, 3, 0, 0, 1, 0x65, 4, 0, 0, 1, 0x65, 5}
	if got := b.Bytes()[b.Len()-len(want):]; !bytes.Equal(got, want) {
		t.Errorf("elementary stream % x\nwant % x", got, want)
	}
}

func TestWriterKeepsItsInput(t *testing.T) {
	au := unitOfSize(0, 1000)
	before := bytes.Clone(au.NALs[0])
	first := writeAll(t, []media.Unit{au})
	if !bytes.Equal(au.NALs[0], before) || len(au.NALs) != 1 {
		t.Error("the unit was changed")
	}
	if !bytes.Equal(first, writeAll(t, []media.Unit{au})) {
		t.Error("the same unit gives other bytes")
	}
}

func TestWriterRefuses(t *testing.T) {
	tests := map[string]struct {
		au   media.Unit
		want string
	}{
		"no NAL units":      {media.Unit{Frame: 7}, "frame 7: no NAL units"},
		"empty NAL unit":    {media.Unit{Frame: 8, NALs: [][]byte{{9}, {}}}, "frame 8: NAL unit 1 is empty"},
		"DTS after PTS":     {media.Unit{Frame: 9, NALs: [][]byte{{9}}, DTS: 2, PTS: 1}, "frame 9: DTS 2 is after PTS 1"},
		"destination fails": {media.Unit{Frame: 10, NALs: [][]byte{{9}}}, "frame 10: io: read/write on closed pipe"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			r.Close()
			if err := NewWriter(w).WriteUnit(tt.au); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// rewrite are faults that change each unit.
type rewrite func(media.Unit) media.Unit

func (r rewrite) Unit(au media.Unit) ([]media.Unit, error) {
	return []media.Unit{r(au)}, nil
}
func (r rewrite) Packets(_ int64, b []byte) []byte { return b }

// A faulty unit differs from the clean one in its time stamps and nothing else, and a clean one is packed as ever.
func TestWriterFaulty(t *testing.T) {
	var units []media.Unit
	for n := range int64(30) {
		au := unitOfSize(n, 1000)
		au.DTS -= 3003
		units = append(units, au)
	}
	clean := writeAll(t, units)
	var same, faulty bytes.Buffer
	w, v := NewWriter(&same), NewWriter(&faulty)
	for i, au := range units {
		w.SetFaults(rewrite(func(au media.Unit) media.Unit { return au }))
		if err := w.WriteUnit(au); err != nil {
			t.Fatal(err)
		}
		v.SetFaults(rewrite(func(au media.Unit) media.Unit {
			au.PTS, au.DTS = au.PTS-50_000*int64(i%3), au.DTS+90_000
			return au
		}))
		if err := v.WriteUnit(au); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(same.Bytes(), clean) {
		t.Error("clean units are packed otherwise")
	}
	got := readAll(t, NewReader(bytes.NewReader(faulty.Bytes())))
	for i, au := range got {
		if want := units[i]; au.PTS != want.PTS-50_000*int64(i%3) || au.DTS != want.DTS+90_000 {
			t.Errorf("unit %d: PTS %d, DTS %d of %d and %d", i, au.PTS, au.DTS, want.PTS, want.DTS)
		}
	}
	// All of the rest is the same: 10 bytes of PTS and DTS a unit may differ.
	others := 0
	for i, b := range faulty.Bytes() {
		if b != clean[i] {
			others++
		}
	}
	if faulty.Len() != len(clean) || others > 10*len(units) || len(got) != len(units) {
		t.Errorf("%d of %d bytes are others than the %d clean ones; %d units are read", others, faulty.Len(), len(clean), len(got))
	}
}

func TestCRC32(t *testing.T) {
	// The check value of CRC-32/MPEG-2 in the catalogue of parametrised CRC algorithms.
	if got := crc32([]byte("123456789")); got != 0x0376E6E7 {
		t.Errorf("crc32 = %#08x", got)
	}
	if got := crc32(binary.BigEndian.AppendUint32([]byte("123456789"), 0x0376E6E7)); got != 0 {
		t.Errorf("crc32 over data and its CRC = %#08x, want 0", got)
	}
}

func BenchmarkWriteUnit25kB(b *testing.B) {
	au := unitOfSize(0, 25000)
	w := NewWriter(io.Discard)
	b.SetBytes(25000)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.WriteUnit(au); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAstitsWriteUnit25kB is the same with the library, for comparison.
func BenchmarkAstitsWriteUnit25kB(b *testing.B) {
	nal := unitOfSize(0, 25000).NALs[0]
	m := astits.NewMuxer(context.Background(), io.Discard)
	if err := m.AddElementaryStream(astits.PMTElementaryStream{ElementaryPID: 256, StreamType: astits.StreamTypeH264Video}); err != nil {
		b.Fatal(err)
	}
	m.SetPCRPID(256)
	b.SetBytes(25000)
	b.ReportAllocs()
	for b.Loop() {
		es := append([]byte{0, 0, 0, 1}, nal...)
		_, err := m.WriteData(&astits.MuxerData{PID: 256,
			AdaptationField: &astits.PacketAdaptationField{HasPCR: true, PCR: &astits.ClockReference{Base: 1}},
			PES: &astits.PESData{Data: es, Header: &astits.PESHeader{StreamID: 0xE0, OptionalHeader: &astits.PESOptionalHeader{
				MarkerBits: 2, PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS, PTS: &astits.ClockReference{Base: 1}}}}})
		if err != nil {
			b.Fatal(err)
		}
	}
}
