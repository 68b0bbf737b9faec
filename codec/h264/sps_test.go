package h264

import (
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func itoa(i int) string { return strconv.Itoa(i) }

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// makeSPS makes a NAL unit from a list of syntax elements: a number is ue(v), "-3" with a sign or "s0" is se(v), and
// "5:12" is 12 in 5 bits. Each word is one element.
func makeSPS(t testing.TB, elements string) []byte {
	t.Helper()
	w := NewBitWriter([]byte{byte(NALSPS) | 3<<5})
	for word := range strings.FieldsSeq(elements) {
		a, b, fixed := strings.Cut(word, ":")
		signed := strings.HasPrefix(a, "s")
		x, err := strconv.ParseInt(strings.TrimPrefix(a, "s"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case fixed:
			y, err := strconv.ParseUint(b, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			w.U(int(x), uint32(y))
		case signed:
			w.SE(int32(x))
		default:
			w.UE(uint32(x))
		}
	}
	w.AlignPayload() // the same bits as rbsp_trailing_bits, but for a full last byte, after which nothing is read
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	return append([]byte{w.Bytes()[0]}, Escape(w.Bytes()[1:])...)
}

const (
	// spsHigh is an SPS up to the scaling matrix: High profile, level 3.1, id 0, 4:2:0, 8 bit.
	spsHigh = "8:100 8:0 8:31 0 1 0 0 1:0 "
	// spsRest goes on with frame_num, picture order count type 2, 4 frames, no gaps, and 20 by 10 macroblocks.
	spsRest = "0 2 4 1:0 19 9 "
	// noVUI is what is left of a progressive picture without cropping and VUI.
	noVUI = "1:1 1:1 1:0 1:0"
	// emptyVUI has a VUI of five absent parts and the timing, and then ends before the HRD parameters.
	emptyVUI = "1:1 1:1 1:0 1:1 1:0 1:0 1:0 1:0 1:0 "
)

func spsCases() []struct {
	name, elements string
	want           SPS
} {
	progressive := func(change func(*SPS)) SPS {
		s := SPS{
			Profile: 100, Level: 31, ChromaFormat: 1, BitDepthLuma: 8, BitDepthChroma: 8,
			Width: 320, Height: 160, FrameMBsOnly: true,
		}
		change(&s)
		return s
	}
	vui := func(change func(*VUI)) func(*SPS) {
		return func(s *SPS) {
			s.VUI = &VUI{Matrix: 2}
			change(s.VUI)
		}
	}
	eights := strings.Repeat(" s0", 15) // the first entry of a list says 8, the others repeat it
	return []struct {
		name, elements string
		want           SPS
	}{
		{"plain", spsHigh + "1:0 " + spsRest + noVUI, progressive(func(*SPS) {})},
		{"baseline has no chroma format", "8:66 8:192 8:30 5 " + spsRest + noVUI, progressive(func(s *SPS) {
			s.Profile, s.Constraints, s.Level, s.ID = 66, 0xC0, 30, 5
		})},
		{
			"scaling lists: all there, the default, one that ends early", spsHigh + "1:1 " +
				"1:1" + " s0" + eights + // 16 entries
				" 1:1 s-8" + // the first entry 0: use the default list, nothing follows
				" 1:1 s2 s-10" + // 10, then 0: the rest repeats 10
				" 1:0 1:0 1:0" +
				" 1:1" + strings.Repeat(" s0", 64) +
				" 1:1 s120 s120 s1 s-249 " + // 128, 248, 249, then 0
				spsRest + noVUI, progressive(func(*SPS) {}),
		},
		{
			"a delta that wraps modulo 256", spsHigh + "1:1 1:1 s127 s127 s-6 1:0 1:0 1:0 1:0 1:0 1:0 1:0 " +
				spsRest + noVUI, progressive(func(*SPS) {}), // 135, 262 = 6, 0
		},
		{
			"4:4:4 in one plane has 12 lists", "8:244 8:0 8:31 0 3 1:0 2 1 1:0 1:1 " + strings.Repeat("1:0 ", 11) +
				"1:1" + strings.Repeat(" s0", 64) + " " + spsRest + noVUI,
			progressive(func(s *SPS) {
				s.Profile, s.ChromaFormat, s.BitDepthLuma, s.BitDepthChroma = 244, 3, 10, 9
			}),
		},
		{
			"4:4:4 in three planes is cropped by single samples", "8:244 8:0 8:31 0 3 1:1 0 0 1:0 1:0 " + spsRest +
				"1:1 1:1 1:1 1 2 3 4 1:0",
			progressive(func(s *SPS) { s.Profile, s.ChromaFormat, s.Width, s.Height = 244, 3, 317, 153 }),
		},
		{
			"4:2:0 is cropped by two samples", spsHigh + "1:0 " + spsRest + "1:1 1:1 1:1 1 2 3 4 1:0",
			progressive(func(s *SPS) { s.Width, s.Height = 314, 146 }),
		},
		{
			"4:2:2 is cropped by two columns and one row", "8:122 8:0 8:31 0 2 0 0 1:0 1:0 " + spsRest + "1:1 1:1 1:1 1 2 3 4 1:0",
			progressive(func(s *SPS) { s.Profile, s.ChromaFormat, s.Width, s.Height = 122, 2, 314, 153 }),
		},
		{
			"fields double the height and the cropping", spsHigh + "1:0 " + spsRest + "1:0 1:1 1:1 1:1 0 0 0 2 1:0",
			progressive(func(s *SPS) { s.FrameMBsOnly, s.Height = false, 312 }),
		},
		{
			"picture order count type 0", spsHigh + "1:0 0 0 4 4 1:0 19 9 " + noVUI, progressive(func(*SPS) {}),
		},
		{
			"picture order count type 1", spsHigh + "1:0 0 1 1:1 s-5 s6 3 s1 s-2 s3 4 1:0 19 9 " + noVUI,
			progressive(func(*SPS) {}),
		},
		{
			"everything in the VUI", spsHigh + "1:0 " + spsRest + "1:1 1:1 1:0 1:1 " +
				"1:1 8:255 16:64 16:45 " + "1:1 1:1 " + "1:1 3:2 1:1 1:1 8:9 8:16 8:10 " + "1:1 2 3 " +
				"1:1 32:1001 32:60000 1:1 " +
				"1:1 1 4:1 4:2 100 200 1:1 4294967294 65535 1:0 5:23 5:15 5:31 5:31 " +
				"1:1 0 4:0 4:0 1 1 1:1 5:0 5:1 5:2 5:3 " +
				"1:0 1:1 1:1 1:1 0 0 11 11 2 4",
			progressive(vui(func(v *VUI) {
				*v = VUI{
					Matrix: 10, NumUnitsInTick: 1001, TimeScale: 60000, FixedFrameRate: true,
					NALHRD: &HRD{16, 32, 31}, VCLHRD: &HRD{2, 3, 3}, PicStructPresent: true,
				}
			})),
		},
		{
			"VCL HRD only", spsHigh + "1:0 " + spsRest + emptyVUI + "1:0 1:1 0 4:0 4:0 1 1 1:1 5:9 5:8 5:7 5:6 1:1 1:1 1:0",
			progressive(vui(func(v *VUI) { v.VCLHRD, v.PicStructPresent = &HRD{9, 8, 6}, true })),
		},
		{
			"a known sample shape", spsHigh + "1:0 " + spsRest + "1:1 1:1 1:0 1:1 1:1 8:14 1:0 1:0 1:0 1:0 1:0 1:0 1:0 1:0",
			progressive(vui(func(*VUI) {})),
		},
		{
			"a reserved sample shape", spsHigh + "1:0 " + spsRest + "1:1 1:1 1:0 1:1 1:1 8:17 1:0 1:0 1:0 1:0 1:0 1:0 1:0 1:0",
			progressive(vui(func(*VUI) {})),
		},
	}
}

func TestParseSPS(t *testing.T) {
	for _, c := range spsCases() {
		got, err := ParseSPS(makeSPS(t, c.elements))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !reflect.DeepEqual(got, &c.want) {
			t.Errorf("%s: got %+v %+v\nwant %+v %+v", c.name, got, got.VUI, c.want, c.want.VUI)
		}
	}
}

func TestSPSHRDPrefersNAL(t *testing.T) {
	nal, vcl := &HRD{TimeOffsetLength: 1}, &HRD{TimeOffsetLength: 2}
	for _, c := range []struct {
		vui  *VUI
		want *HRD
	}{{nil, nil}, {&VUI{}, nil}, {&VUI{VCLHRD: vcl}, vcl}, {&VUI{NALHRD: nal, VCLHRD: vcl}, nal}} {
		if got := (&SPS{VUI: c.vui}).HRD(); got != c.want {
			t.Errorf("%+v: got %+v", c.vui, got)
		}
	}
}

func TestParseSPSErrors(t *testing.T) {
	for _, c := range []struct{ name, elements, message string }{
		{"id", "8:66 8:0 8:30 32 " + spsRest + noVUI, "seq_parameter_set_id"},
		{"chroma format", "8:100 8:0 8:30 0 4 0 0 1:0 1:0 " + spsRest + noVUI, "chroma_format_idc"},
		{"bit depth", "8:100 8:0 8:30 0 1 7 0 1:0 1:0 " + spsRest + noVUI, "bit_depth_luma"},
		{"picture order count", spsHigh + "1:0 0 3 4 1:0 19 9 " + noVUI, "pic_order_cnt_type"},
		{"order count cycle", spsHigh + "1:0 0 1 1:1 s0 s0 256", "num_ref_frames_in_pic_order_cnt_cycle"},
		{"width", spsHigh + "1:0 0 2 4 1:0 4294967294 9 " + noVUI, "pic_width_in_mbs_minus1"},
		{"height", spsHigh + "1:0 0 2 4 1:0 19 1055 " + noVUI, "pic_height_in_map_units_minus1"},
		{"cropping", spsHigh + "1:0 " + spsRest + "1:1 1:1 1:1 80 80 0 0 1:0", "cropping"},
		{"huge cropping", spsHigh + "1:0 " + spsRest + "1:1 1:1 1:1 4294967294 4294967294 0 0 1:0", "cropping"},
		{"buffers", spsHigh + "1:0 " + spsRest + emptyVUI + "1:1 32", "cpb_cnt_minus1"},
	} {
		_, err := ParseSPS(makeSPS(t, c.elements))
		if err == nil || !strings.Contains(err.Error(), c.message) || !strings.Contains(err.Error(), "bit ") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := ParseSPS([]byte{0x68, 1}); err == nil {
		t.Error("a PPS was read")
	}
	whole := makeSPS(t, spsCases()[11].elements)
	for n := range len(whole) - 1 {
		if _, err := ParseSPS(whole[:n]); err == nil || n > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestCodecString(t *testing.T) {
	for _, c := range []struct {
		sps  SPS
		want string
	}{
		{SPS{Profile: 100, Level: 31}, "avc1.64001f"},
		{SPS{Profile: 66, Constraints: 0xC0, Level: 30}, "avc1.42c01e"},
	} {
		if got := c.sps.CodecString(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func FuzzParseSPS(f *testing.F) {
	for _, c := range spsCases() {
		f.Add(makeSPS(f, c.elements))
	}
	f.Fuzz(func(t *testing.T, nal []byte) {
		s, err := ParseSPS(nal)
		if err == nil && (s.Width < 1 || s.Height < 1 || s.Width > 16880 || s.Height > 2*16880 || s.CodecString() == "") {
			t.Fatalf("% x: %+v", nal, s)
		}
	})
}
