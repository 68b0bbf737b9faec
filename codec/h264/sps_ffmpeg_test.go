package h264

import (
	"reflect"
	"testing"
)

// TestParseSPSAgreesWithFFmpeg reads what x264 writes under many settings, and compares with ffmpeg's own reading.
func TestParseSPSAgreesWithFFmpeg(t *testing.T) {
	for i, c := range []struct {
		name          string
		width, height int
		args          []string
	}{
		{"plain", 128, 96, nil},
		{"baseline", 128, 96, []string{"-pix_fmt", "yuv420p", "-profile:v", "baseline"}},
		{"main, cropped", 130, 98, []string{"-pix_fmt", "yuv420p", "-profile:v", "main"}},
		{"cropped, odd", 129, 97, nil},
		{"interlaced, cropped", 130, 100, []string{"-pix_fmt", "yuv420p", "-x264-params", "tff=1:pic-struct=1"}},
		{"1080 lines", 1920, 1080, []string{"-pix_fmt", "yuv420p", "-frames:v", "1"}},
		{"4:2:2 10 bit", 130, 98, []string{"-pix_fmt", "yuv422p10le"}},
		{"grey", 129, 97, []string{"-pix_fmt", "gray"}},
		{"JVT scaling lists", 128, 96, []string{"-pix_fmt", "yuv420p", "-x264-params", "cqm=jvt:8x8dct=1"}},
		{
			"own scaling lists", 128, 96,
			[]string{"-pix_fmt", "yuv420p", "-x264-params", "8x8dct=1:cqm4iy=" +
				"6,13,20,28,13,20,28,32,20,28,32,37,28,32,37,42:cqm4p=16,16,16,16,16,16,16,16,16,16,16,16,16,16,16,16"},
		},
		{"own scaling lists 4:4:4", 128, 96, []string{
			"-pix_fmt", "yuv444p", "-x264-params",
			"8x8dct=1:cqm4iy=6,13,20,28,13,20,28,32,20,28,32,37,28,32,37,42",
		}},
		{"pic_struct", 128, 96, []string{"-x264-params", "pic-struct=1"}},
		{"NAL HRD", 128, 96, []string{"-x264-params", "nal-hrd=vbr:pic-struct=1", "-maxrate", "1M", "-bufsize", "1M"}},
		{"CBR", 128, 96, []string{"-x264-params", "nal-hrd=cbr", "-b:v", "1M", "-maxrate", "1M", "-bufsize", "500k"}},
		{"colours", 128, 96, []string{"-pix_fmt", "yuv420p", "-x264-params",
			"colorprim=bt709:transfer=bt709:colormatrix=bt709:fullrange=off:videoformat=component"}},
		{"full range, chroma location, overscan", 128, 96, []string{
			"-pix_fmt", "yuvj420p", "-x264-params", "overscan=show:chromaloc=2",
		}},
		{"known sample shape", 128, 96, []string{"-vf", "setsar=12/11"}},
		{"own sample shape", 128, 96, []string{"-vf", "setsar=7/9"}},
		{"B-frames", 128, 96, []string{"-bf", "3", "-x264-params", "b-pyramid=normal"}},
		{"29.97", 128, 96, []string{"-r", "30000/1001"}},
	} {
		if testing.Short() && i%3 == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			stream := encodeStream(t, itoa(c.width)+"x"+itoa(c.height), c.args...)
			s, err := ParseSPS(firstOf(t, stream, NALSPS))
			if err != nil {
				t.Fatal(err)
			}
			if vui, ok := FindVUI(SplitAnnexB(stream)); !ok || !reflect.DeepEqual(vui, s.VUI) {
				t.Errorf("VUI %+v, %v, want %+v", vui, ok, s.VUI)
			}
			if s.Width != c.width || s.Height != c.height {
				t.Errorf("size %dx%d, want %dx%d", s.Width, s.Height, c.width, c.height)
			}
			units := trace(t, stream, "Sequence Parameter Set")
			if len(units) == 0 {
				t.Fatal("ffmpeg found no SPS")
			}
			compareSPS(t, s, units[0])
		})
	}
}

// compareSPS checks every field that ffmpeg shows and we keep.
func compareSPS(t *testing.T, s *SPS, fields []traceField) {
	t.Helper()
	v := s.VUI
	if v == nil {
		t.Fatal("no VUI")
	}
	got := map[string]int64{
		"profile_idc": int64(s.Profile), "level_idc": int64(s.Level), "seq_parameter_set_id": int64(s.ID),
		"chroma_format_idc": int64(s.ChromaFormat), "bit_depth_luma_minus8": int64(s.BitDepthLuma) - 8,
		"bit_depth_chroma_minus8": int64(s.BitDepthChroma) - 8, "frame_mbs_only_flag": b2i(s.FrameMBsOnly),
		"matrix_coefficients": int64(v.Matrix), "num_units_in_tick": int64(v.NumUnitsInTick), "time_scale": int64(v.TimeScale),
		"fixed_frame_rate_flag":           b2i(v.FixedFrameRate),
		"nal_hrd_parameters_present_flag": b2i(v.NALHRD != nil), "vcl_hrd_parameters_present_flag": b2i(v.VCLHRD != nil),
		"pic_struct_present_flag": b2i(v.PicStructPresent),
	}
	for i := range 6 {
		got["constraint_set"+itoa(i)+"_flag"] = int64(s.Constraints >> (7 - i) & 1)
	}
	if h := s.HRD(); h != nil {
		got["cpb_removal_delay_length_minus1"] = int64(h.CPBRemovalDelayLength) - 1
		got["dpb_output_delay_length_minus1"] = int64(h.DPBOutputDelayLength) - 1
		got["time_offset_length"] = int64(h.TimeOffsetLength)
	}
	compared := 0
	for _, f := range fields {
		if want, ok := got[f.name]; ok {
			compared++
			if want != f.value {
				t.Errorf("%s: read %d, ffmpeg reads %d", f.name, want, f.value)
			}
		}
	}
	if compared < 15 {
		t.Errorf("ffmpeg showed only %d of the fields", compared)
	}
}
