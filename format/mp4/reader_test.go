package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
)

// emsg makes an event message box.
func emsg(version byte, scale uint32) []byte {
	text := []byte("https://aomedia.org/emsg/ID3\x00value\x00")
	var numbers []byte
	u32 := func(v uint32) { numbers = binary.BigEndian.AppendUint32(numbers, v) }
	u32(scale)
	if version == 1 {
		u32(1) // the upper half
	}
	u32(3)               // presentation time or its delta
	u32(unknownDuration) // duration
	u32(7)               // id
	body := []byte{version, 0, 0, 0}
	if version == 1 {
		body = append(append(body, numbers...), text...)
	} else {
		body = append(append(body, text...), numbers...)
	}
	body = append(body, "data"...)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)+boxHeaderSize))
	return append(append(b, "emsg"...), body...)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	path := make3s(t, "a.mp4", "-an", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-output_ts_offset", "2")
	b := mustRead(t, path)
	at := bytes.Index(b, []byte("moof")) - 4
	second := at + 8 + bytes.Index(b[at+8:], []byte("moof")) - 4
	var in []byte
	in = append(in, b[:at]...)
	in = append(in, emsg(0, 1)...)
	in = append(in, b[at:second]...)
	in = append(in, emsg(1, 1<<31)...)
	in = append(in, emsg(0, 0)...) // can't be read
	in = append(in, b[second:]...)

	r := NewReader(onlyReader{bytes.NewReader(in)})
	var events []Event
	var after []int // units before each
	units := 0
	r.HandleEvents(func(e Event) { events, after = append(events, e), append(after, units) })
	first := int64(math.MaxInt64)
	for {
		u, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		units++
		first = min(first, u.PTS)
	}
	if len(events) != 2 || after[0] != 0 || after[1] != 30 || r.Stats().Damaged != 1 {
		t.Fatalf("%d events after %v units, %+v", len(events), after, r.Stats())
	}
	// Relative: 3 s after the first unit. Absolute: (2^32+3) / 2^31 s.
	for i, want := range []int64{first + 3*90000, 180000} {
		e := events[i]
		if e.PTS != want || e.Duration != -1 || e.ID != 7 || string(e.Data) != "data" || e.Value != "value" ||
			!strings.HasSuffix(e.Scheme, "ID3") {
			t.Errorf("event %d: %+v, want PTS %d", i, e, want)
		}
	}
	if events[0].Offset != int64(at) {
		t.Errorf("event at byte %d, want %d", events[0].Offset, at)
	}
}

// TestErrors reads what can't be read.
func TestErrors(t *testing.T) {
	t.Parallel()
	hevc := make3s(t, "a.mp4", "-c:v", "mpeg4", "-t", "0.2")
	fragments := mustRead(t, make3s(t, "b.mp4", "-an", "-movflags", "frag_keyframe+empty_moov", "-t", "0.2"))
	moof := bytes.Index(fragments, []byte("moof")) - 4
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"nothing":           {nil, "it is empty"},
		"HTML":              {[]byte("<html><body>404</body></html>"), "no MP4"},
		"MPEG-TS":           {bytes.Repeat([]byte{0x47, 0x40, 0, 0x10}, 99), "no MP4"},
		"another codec":     {mustRead(t, hevc), "no H.264 or HEVC track, but \"mp4v\""},
		"no init":           {fragments[moof:], "initialization section is missing"},
		"init alone":        {fragments[:moof], "EOF"},
		"box too small":     {[]byte("\x00\x00\x00\x04ftyp"), "box \"ftyp\" of 4 bytes"},
		"box of all memory": {[]byte("\x00\x00\x00\x01moov\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "bytes"},
		"moov too long":     {[]byte("\x00\x00\x00\x01moov\x00\x00\x00\x7F\xFF\xFF\xFF\xFF"), "longer than"},
		"moov cut off":      {fragments[:moof-10], "unexpected EOF"},
	} {
		for _, r := range []io.Reader{bytes.NewReader(c.in), onlyReader{bytes.NewReader(c.in)}} {
			_, err := drain(t, NewReader(r))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			if errors.Is(err, io.EOF) != (name == "init alone") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestAnnexB reads a file whose samples are byte streams, and one whose lengths are wrong.
func TestAnnexB(t *testing.T) {
	t.Parallel()
	b := mustRead(t, make3s(t, "a.mp4", "-an", "-bf", "0", "-x264-params", "slices=1", "-movflags", "faststart"))
	units := readAll(t, NewReader(bytes.NewReader(b)))
	streams, wrong := bytes.Clone(b), bytes.Clone(b)
	at := units[1].Offset
	copy(streams[at:], "\x00\x00\x00\x01")
	copy(wrong[at:], "\x00\x00\xFF\xFF")
	got := readAll(t, NewReader(bytes.NewReader(streams)))
	if len(got) != len(units) || !bytes.Equal(got[1].NALs[0], units[1].NALs[0]) {
		t.Errorf("%d units of %d; the byte stream has %s", len(got), len(units), kinds(got[1].NALs, 0))
	}
	r := NewReader(bytes.NewReader(wrong))
	if n, err := drain(t, r); n != len(units)-1 || !errors.Is(err, io.EOF) || r.Stats().Damaged != 1 {
		t.Errorf("%d units of %d, %v, %+v", n, len(units), err, r.Stats())
	}
}

// TestSpool reads a file with its index at the end from what can't seek, and leaves nothing behind.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	b := mustRead(t, make3s(t, "a.mp4"))
	r := NewReader(onlyReader{bytes.NewReader(b)})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if r.src.spool == nil {
		t.Fatal("nothing was stored: the file is another than thought")
	}
	name := r.src.spool.Name()
	if !strings.HasPrefix(name, dir) {
		t.Fatalf("stored in %s", name)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if list := run(t, ".", "ls", dir); bytes.Contains(list, []byte("refstream")) {
		t.Errorf("left behind: %s", list)
	}
	if _, err := r.Next(); err == nil {
		t.Error("no error after Close")
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, at := range []int64{0, 1, -1, 2, 1001, -1001, 12345678901, -98765432109, math.MaxInt64, math.MinInt64, 1 << 62} {
		for _, scale := range []uint32{1, 3, 600, 1000, 12800, 24000, 30000, 60000, 90000, 1e7, math.MaxUint32} {
			want := new(big.Int).Mul(big.NewInt(at), big.NewInt(90000))
			want.Div(want, big.NewInt(int64(scale))) // floor, for a positive divisor
			if !want.IsInt64() {
				want = big.NewInt(math.MaxInt64)
				if at < 0 {
					want = big.NewInt(math.MinInt64)
				}
			}
			if got := ticks(at, scale); big.NewInt(got).Cmp(want) != 0 {
				t.Errorf("%d/%d s: %d, want %v", at, scale, got, want)
			}
		}
	}
}

// TestEndlessIndex gives up on an index that claims samples without end, none of which can be read.
func TestEndlessIndex(t *testing.T) {
	t.Parallel()
	r := NewReader(bytes.NewReader(make([]byte, 100)))
	r.begun = true
	r.track = &track{timescale: 1, table: sampleTable{
		sizes:  &mp4.StszBox{SampleUniformSize: maxSample + 1, SampleNumber: math.MaxUint32},
		times:  &mp4.SttsBox{SampleCount: []uint32{math.MaxUint32}, SampleTimeDelta: []uint32{1}},
		chunks: &mp4.StscBox{Entries: []mp4.StscEntry{{FirstChunk: 1, SamplesPerChunk: math.MaxUint32}}, SampleDescriptionID: []uint32{1}},
		places: &mp4.StcoBox{ChunkOffset: []uint32{0}},
	}}
	if n, err := drain(t, r); n != 0 || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "in a row can't be read") ||
		r.Stats().Damaged != maxBad+1 {
		t.Errorf("%d units, %v", n, err)
	}
}

func TestEditShift(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		duration              uint64
		timescale, movieScale uint32
		mediaTime, want       int64
	}{
		{0, 90000, 1000, 1024, -1024},
		{1, 1, 3, 0, 0}, {1, 1, 2, 0, 1}, {2, 1, 3, 0, 1}, {5, 3, 7, 0, 2}, {3, 1, 2, 1, 1},
		{maxTime, math.MaxUint32, 1, 0, maxTime},
	} {
		edits := &mp4.ElstBox{Entries: []mp4.ElstEntry{{SegmentDuration: c.duration, MediaTime: -1}, {MediaTime: c.mediaTime}}}
		if got := editShift(edits, c.timescale, c.movieScale); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
