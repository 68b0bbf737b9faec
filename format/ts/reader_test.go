package ts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

// TestReaderAgainstFFprobe reads streams of ffmpeg's muxer in its variants, and ffprobe says what is in them.
func TestReaderAgainstFFprobe(t *testing.T) {
	audio := []string{"-f", "lavfi", "-i", "sine=r=48000", "-c:a", "aac", "-shortest"}
	tests := map[string][]string{
		"no B-frames":     {"-bf", "0"},
		"2 B-frames":      {"-bf", "2"},
		"3 B-frames":      {"-bf", "3", "-b_strategy", "0"},
		"exact length":    {"-bf", "2", "-omit_video_pes_length", "0"},
		"no start offset": {"-muxdelay", "0", "-muxpreload", "0"},
		"other PIDs":      {"-mpegts_start_pid", "0x1ABC", "-mpegts_pmt_start_pid", "0x20"},
		"constant rate":   {"-muxrate", "4M", "-pcr_period", "20"}, // with null packets and PCR packets
		"wraps":           {"-bf", "2", "-output_ts_offset", "95442.0"},
		"many slices":     {"-bf", "2", "-slices", "8", "-b:v", "20M"},
		"more tables":     {"-mpegts_flags", "pat_pmt_at_frames+nit"},
	}
	if testing.Short() {
		for _, name := range []string{"no B-frames", "2 B-frames", "no start offset", "more tables"} {
			delete(tests, name)
		}
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) { compareWithFFprobe(t, makeStream(t, 60, args...)) })
	}
	t.Run("audio", func(t *testing.T) {
		line := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25"}, audio[:4]...)
		line = append(line, "-map", "1:a", "-map", "0:v", "-c:a", "aac", "-c:v", "libx264", "-t", "3", "-f", "mpegts", "pipe:1")
		compareWithFFprobe(t, run(t, nil, "ffmpeg", line...))
	})
	t.Run("another program first", func(t *testing.T) {
		line := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25"}, audio[:4]...)
		line = append(line, "-map", "1:a", "-map", "0:v", "-c:a", "aac", "-c:v", "libx264", "-t", "2",
			"-program", "st=0", "-program", "st=1", "-f", "mpegts", "pipe:1")
		compareWithFFprobe(t, run(t, nil, "ffmpeg", line...))
	})
}

func compareWithFFprobe(t *testing.T, stream []byte) {
	t.Helper()
	r := NewReader(bytes.NewReader(stream))
	units := readAll(t, r)
	if s := r.Stats(); s.Damaged != 0 || s.Skipped != 0 || s.Gaps != 0 || s.Packets != int64(len(stream)/188) {
		t.Errorf("%+v", s)
	}
	packets := probe(t, stream)
	if len(units) != len(packets) || len(units) < 50 {
		t.Fatalf("%d units, ffprobe sees %d packets", len(units), len(packets))
	}
	for i, p := range packets {
		au := units[i]
		got := probed{au.PTS & media.PTSMask, au.DTS & media.PTSMask, p.Size, "__"}
		if au.Key {
			got.Flags = "K_"
		}
		if got != p || au.Frame != -1 {
			t.Errorf("unit %d is %+v (frame %d), ffprobe sees %+v", i, got, au.Frame, p)
		}
		if i > 0 && au.DTS <= units[i-1].DTS {
			t.Errorf("unit %d: DTS %d after %d", i, au.DTS, units[i-1].DTS)
		}
		// Start codes have 3 or 4 bytes.
		size, err := strconv.Atoi(p.Size)
		if short := size - au.Size(); err != nil || short < 3*len(au.NALs) || short > 4*len(au.NALs) {
			t.Errorf("unit %d has %d bytes in %d NAL units, ffprobe sees %d", i, au.Size(), len(au.NALs), size)
		}
	}
	if decode(t, writeAll(t, units)) != decode(t, stream) {
		t.Error("the decoded pictures differ")
	}
}

// TestReaderOffsets: each unit is at the packet that begins it, and so is each tag.
func TestReaderOffsets(t *testing.T) {
	stream, _ := withTags(t, []media.Unit{unitOfSize(0, 9), unitOfSize(1, 999), unitOfSize(2, 99)})
	r := NewReader(bytes.NewReader(append([]byte("garbage"), stream...)))
	found := 0
	at := func(offset, pts int64) {
		start, ok := Packet(stream[offset-7:][:PacketSize]).PES()
		if found++; !ok || start.PTS != pts&media.PTSMask {
			t.Errorf("at byte %d %+v, want PTS %d", offset, start, pts)
		}
	}
	r.HandleID3(func(tag id3.Timed) { at(tag.Offset, tag.PTS) })
	for au, err := r.Next(); err == nil; au, err = r.Next() {
		at(r.Offset(), au.PTS)
	}
	if found < 4 {
		t.Errorf("%d units and tags", found)
	}
}

func TestReaderTakesAnyPieces(t *testing.T) {
	stream := makeStream(t, 10)
	want := readAll(t, NewReader(bytes.NewReader(stream)))
	sameUnits(t, readAll(t, NewReader(iotest.OneByteReader(bytes.NewReader(stream)))), want)
	sameUnits(t, readAll(t, NewReader(iotest.HalfReader(bytes.NewReader(stream)))), want)
	sameUnits(t, readAll(t, NewReader(iotest.DataErrReader(bytes.NewReader(stream)))), want)
}

// TestReaderFaults breaks a stream of 40 units in places and checks that exactly the units that were hit are missing.
func TestReaderFaults(t *testing.T) {
	var units []media.Unit
	for i := range int64(40) {
		au := unitOfSize(i, 1000)
		au.NALs = [][]byte{{9, 0xF0}, au.NALs[0]}
		units = append(units, au)
	}
	clean := writeAll(t, units) // tables and 6 packets a unit
	const unitPackets, tablePackets = 6, 2
	at := func(unit, packet int) int { return 188 * (unit*(unitPackets+tablePackets) + tablePackets + packet) }
	insert := func(at int, b []byte) []byte {
		return append(append(bytes.Clone(clean[:at]), b...), clean[at:]...)
	}
	garbage := bytes.Repeat([]byte{0x46, 0, 1, 2, 3}, 300)
	tests := map[string]struct {
		stream  []byte
		missing []int
		damaged int64
		gaps    int64
		skipped int64
	}{
		"whole":                 {stream: clean},
		"garbage before":        {stream: insert(0, garbage), skipped: 1500},
		"garbage between units": {stream: insert(at(3, 0), garbage), skipped: 1500},
		"garbage in a unit":     {stream: insert(at(3, 2), garbage), skipped: 1500},
		"a packet twice":        {stream: insert(at(5, 3), clean[at(5, 2):at(5, 3)])},
		"first packet twice":    {stream: insert(at(5, 1), clean[at(5, 0):at(5, 1)])},
		"packet missing": {stream: append(bytes.Clone(clean[:at(4, 2)]), clean[at(4, 3):]...),
			missing: []int{4}, damaged: 1, gaps: 1},
		"first packet missing": {stream: append(bytes.Clone(clean[:at(4, 0)]), clean[at(4, 1):]...),
			missing: []int{4}, gaps: 1},
		"17 packets missing": {stream: append(bytes.Clone(clean[:at(4, 2)]), clean[at(7, 1):]...), // counter 17-1: no repeat
			missing: []int{4, 5, 6, 7}, damaged: 1, gaps: 1},
		"15 packets missing": {stream: append(bytes.Clone(clean[:at(4, 3)]), clean[at(7, 0):]...), // counter stands still
			missing: []int{4, 5, 6}, damaged: 1, gaps: 1},
		"packet cut short": {stream: append(bytes.Clone(clean[:at(4, 2)+100]), clean[at(4, 3):]...),
			missing: []int{4}, damaged: 1, gaps: 1, skipped: 100},
		"cut at the end":       {stream: clean[:at(39, 3)], missing: []int{39}, damaged: 1},
		"cut inside a packet":  {stream: clean[:at(39, 3)+50], missing: []int{39}, damaged: 1, skipped: 50},
		"starts inside a unit": {stream: clean[at(0, 3):], missing: []int{0}},
		"transport error": {stream: func() []byte {
			b := bytes.Clone(clean)
			b[at(4, 2)+1] |= 0x80
			return b
		}(), missing: []int{4}, damaged: 1, gaps: 1},
		"marker bit of a PTS": {stream: func() []byte {
			b := bytes.Clone(clean)
			b[at(4, 0)+4+8+9] &^= 1
			return b
		}(), missing: []int{4}, damaged: 1},
		"map with a wrong CRC": {stream: func() []byte {
			b := bytes.Clone(clean)
			b[at(4, -1)+4+10] ^= 1 // PCR PID
			b[at(4, -1)+4+32] ^= 1 // the video's PID
			return b
		}()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var want []media.Unit
			for i, au := range units {
				if !slices.Contains(tt.missing, i) {
					want = append(want, au)
				}
			}
			r := NewReader(bytes.NewReader(tt.stream))
			got := readAll(t, r)
			sameUnits(t, got, want)
			s := r.Stats()
			if s.Damaged != tt.damaged || s.Gaps != tt.gaps || s.Skipped != tt.skipped || (s.LastDamage != nil) != (tt.damaged > 0) {
				t.Errorf("%+v, want %d damaged, %d gaps, %d bytes skipped", s, tt.damaged, tt.gaps, tt.skipped)
			}
			if s.LastDamage != nil && !strings.Contains(s.LastDamage.Error(), "packet") {
				t.Errorf("damage %q doesn't say where", s.LastDamage)
			}
		})
	}
}

// TestReaderPassesUnitsOnAtOnce: a unit of known length comes out before the next one has begun.
func TestReaderPassesUnitsOnAtOnce(t *testing.T) {
	pr, pw := io.Pipe()
	defer pr.Close()
	next := make(chan struct{})
	defer close(next)
	go func() {
		w := NewWriter(pw)
		w.WriteUnit(unitOfSize(0, 1000))
		<-next // there is no more before the first unit was read
		pw.Close()
	}()
	if au, err := NewReader(pr).Next(); err != nil || len(au.NALs) != 2 {
		t.Fatalf("%+v, %v", au, err)
	}
}

func TestReaderOpenEnded(t *testing.T) {
	long, short := unitOfSize(0, 70000), unitOfSize(1, 1000)
	for name, tt := range map[string]struct {
		units []media.Unit
		want  []bool
	}{
		"known length last":   {[]media.Unit{long, short}, []bool{false, false}},
		"unknown length last": {[]media.Unit{short, long}, []bool{false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(writeAll(t, tt.units)))
			for i, want := range tt.want {
				if _, err := r.Next(); err != nil || r.OpenEnded() != want {
					t.Errorf("unit %d: open ended %t, want %t, error %v", i, r.OpenEnded(), want, err)
				}
			}
		})
	}
}

func TestReaderFollowsTheVideo(t *testing.T) {
	first := makeStream(t, 10)
	second := makeStream(t, 10, "-mpegts_start_pid", "0x200", "-mpegts_pmt_start_pid", "0x300")
	r := NewReader(bytes.NewReader(append(bytes.Clone(first), second...)))
	if got := readAll(t, r); len(got) != 20 || r.Stats().Damaged != 0 {
		t.Errorf("%d units, %+v", len(got), r.Stats())
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("cable pulled")
	noVideo := run(t, nil, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine", "-t", "1", "-f", "mpegts", "pipe:1")
	tests := map[string]struct {
		r    io.Reader
		want string
	}{
		"nothing":          {strings.NewReader(""), "EOF"},
		"no packets":       {strings.NewReader("hello"), "no packets in 5 bytes"},
		"another format":   {io.LimitReader(zeros{}, 1<<30), "no MPEG transport stream in the first"},
		"no video":         {bytes.NewReader(noVideo), "no H.264 or HEVC stream in the program maps in " + strconv.Itoa(len(noVideo)/188) + " packets"},
		"source fails":     {io.MultiReader(bytes.NewReader(writeAll(t, []media.Unit{unitOfSize(0, 9)})), iotest.ErrReader(broken)), "after packet 3: cable pulled"},
		"source is silent": {silent{}, io.ErrNoProgress.Error()},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(tt.r)
			_, err := drain(r)
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %q in it", err, tt.want)
			}
			if _, again := r.Next(); again != err {
				t.Errorf("then error %v", again)
			}
		})
	}
}

// TestReaderDropsWhatASourceFailedIn: a failing source leaves no unit of unknown length behind.
func TestReaderDropsWhatASourceFailedIn(t *testing.T) {
	stream := writeAll(t, []media.Unit{unitOfSize(0, 70000)})
	r := NewReader(io.MultiReader(bytes.NewReader(stream[:10*188]), iotest.ErrReader(os.ErrDeadlineExceeded)))
	if units, err := drain(r); len(units) != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || r.Stats().Damaged != 1 {
		t.Errorf("%d units, %v, %+v", len(units), err, r.Stats())
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func FuzzReader(f *testing.F) {
	units := []media.Unit{unitOfSize(0, 400), unitOfSize(1, 10)}
	f.Add(writeAll(f, units))
	stream, _ := withTags(f, units)
	f.Add(stream)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		units, err := drain(r)
		got, tags := readTags(data)
		sameUnits(t, got, units) // whether tags are handled or not
		size := 0
		for _, tag := range tags {
			if n, ok := id3.Size(tag.Tag); !ok || n != len(tag.Tag) {
				t.Fatalf("tag %q", tag.Tag)
			}
			size += len(tag.Tag)
		}
		if size > len(data) {
			t.Fatalf("%d bytes of tags in %d", size, len(data))
		}
		if err == nil {
			t.Fatal("no error at the end")
		}
		for _, au := range units {
			if len(au.NALs) == 0 || au.Frame != -1 {
				t.Fatalf("%+v", au)
			}
			for _, nal := range au.NALs {
				if len(nal) == 0 {
					t.Fatal("empty NAL unit")
				}
			}
		}
		if s := r.Stats(); s.Packets*188+s.Skipped > int64(len(data)) {
			t.Fatalf("%+v of %d bytes", s, len(data))
		}
	})
}

// TestReaderSurvivesDamage changes, drops and doubles bytes of a real stream in many ways, always the same ones.
func TestReaderSurvivesDamage(t *testing.T) {
	stream := makeStream(t, 12, "-bf", "2")
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		data := bytes.Clone(stream)
		for range 1 + rng.IntN(8) {
			at, n := rng.IntN(len(data)), rng.IntN(400)
			switch end := min(at+n, len(data)); rng.IntN(4) {
			case 0:
				data[at] ^= 1 << rng.IntN(8)
			case 1:
				data = slices.Delete(data, at, end)
			case 2:
				data = slices.Insert(data, at, bytes.Clone(data[at:end])...)
			case 3:
				packet := at / 188 * 188 // a header, where most can go wrong
				data[packet+rng.IntN(20)] = byte(rng.Uint32())
			}
		}
		r := NewReader(bytes.NewReader(data))
		units, err := drain(r)
		if err == nil || len(units) > 24 {
			t.Fatalf("%d units, %v", len(units), err)
		}
		if s := r.Stats(); s.Packets*188+s.Skipped > int64(len(data)) {
			t.Fatalf("%+v of %d bytes", s, len(data))
		}
	}
}

// TestReaderLosingPackets: whichever packet is lost, what comes out was there: no unit is passed on in part.
func TestReaderLosingPackets(t *testing.T) {
	for _, exact := range []string{"0", "1"} {
		stream := makeStream(t, 12, "-bf", "2", "-omit_video_pes_length", exact)
		whole := map[string]bool{}
		for _, au := range readAll(t, NewReader(bytes.NewReader(stream))) {
			whole[fmt.Sprint(au.PTS&media.PTSMask, au.NALs)] = true
		}
		last := len(stream)/188 - 1 // at the very end nothing can show that a packet is missing
		for lost := range last {
			data := slices.Concat(stream[:lost*188], stream[(lost+1)*188:])
			for _, au := range readAll(t, NewReader(bytes.NewReader(data))) {
				if !whole[fmt.Sprint(au.PTS&media.PTSMask, au.NALs)] {
					t.Fatalf("without packet %d a unit with PTS %d comes out that was not in the stream", lost, au.PTS)
				}
			}
		}
	}
}
