package h264

import "fmt"

const (
	maxSPSID       = 31   // H.264, 7.4.2.1.1
	maxPOCCycle    = 255  // num_ref_frames_in_pic_order_cnt_cycle (7.4.2.1.1)
	maxMBsPerSide  = 1055 // sqrt(8 * 139264): what level 6.2 allows (A.3.1 and table A-1), 16880 pixels
	mbSize         = 16   // width and height of a macroblock in luma samples
	maxBitDepth    = 14   // 7.4.2.1.1
	chromaFormat   = 1    // chroma_format_idc where the profile leaves it out: 4:2:0
	defaultDepth   = 8    // bit depth where the profile leaves it out
	smallScaleList = 16   // a 4x4 scaling list; the first six are of this size
	largeScaleList = 64   // an 8x8 scaling list
)

// SPS is a sequence parameter set (H.264, 7.3.2.1), as far as it states what the stream is; the rest is checked and
// skipped.
type SPS struct {
	// Profile is profile_idc, Constraints the byte of constraint_set flags, set 0 in the highest bit, and Level
	// level_idc, ten times the level.
	Profile, Constraints, Level uint8
	// ID is seq_parameter_set_id, 0 to 31.
	ID uint8
	// ChromaFormat is chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4.
	ChromaFormat uint8
	// BitDepthLuma and BitDepthChroma are 8 to 14.
	BitDepthLuma, BitDepthChroma uint8
	// Width and Height are the picture's size in luma samples, after cropping, at least 1.
	Width, Height int
	// FrameMBsOnly states that no picture is a field and none is coded as interlaced.
	FrameMBsOnly bool
	// VUI is the video usability information, nil where there is none.
	VUI *VUI
}

// ParseSPS reads a NAL unit of type 7, with its header and emulation prevention.
func ParseSPS(nal []byte) (*SPS, error) {
	if t := TypeOf(nal); t != NALSPS {
		return nil, fmt.Errorf("read SPS: this is a NAL unit of type %d (%v)", t, t)
	}
	r := NewBitReader(Unescape(nal))
	r.U(8)
	s := readSPS(r)
	if r.Err() != nil {
		return nil, fmt.Errorf("read SPS: %w", r.Err())
	}
	return s, nil
}

func readSPS(r *BitReader) *SPS {
	s := &SPS{ChromaFormat: chromaFormat, BitDepthLuma: defaultDepth, BitDepthChroma: defaultDepth}
	s.Profile, s.Constraints, s.Level = uint8(r.U(8)), uint8(r.U(8)), uint8(r.U(8))
	s.ID = uint8(limit(r, "seq_parameter_set_id", r.UE(), maxSPSID))
	separatePlanes := false
	if hasChromaInfo(s.Profile) {
		separatePlanes = s.readChromaInfo(r)
	}
	r.UE() // log2_max_frame_num_minus4
	skipPicOrderCount(r)
	r.UE()   // max_num_ref_frames
	r.Flag() // gaps_in_frame_num_value_allowed_flag
	width := mbSize * (1 + int(limit(r, "pic_width_in_mbs_minus1", r.UE(), maxMBsPerSide-1)))
	height := mbSize * (1 + int(limit(r, "pic_height_in_map_units_minus1", r.UE(), maxMBsPerSide-1)))
	unitX, unitY := 1, 1
	if !separatePlanes && (s.ChromaFormat == 1 || s.ChromaFormat == 2) {
		unitX = 2
	}
	if !separatePlanes && s.ChromaFormat == 1 {
		unitY = 2
	}
	if s.FrameMBsOnly = r.Flag(); !s.FrameMBsOnly {
		height, unitY = 2*height, 2*unitY // a map unit is a pair of macroblocks, one of each field
		r.Flag()                          // mb_adaptive_frame_field_flag
	}
	r.Flag() // direct_8x8_inference_flag
	s.Width, s.Height = width, height
	if r.Flag() { // frame_cropping_flag
		s.Width = crop(r, width, unitX)
		s.Height = crop(r, height, unitY)
	}
	if r.Flag() {
		s.VUI = readVUI(r)
	}
	return s
}

// hasChromaInfo lists the profiles whose SPS states its chroma format and bit depths (7.3.2.1.1).
func hasChromaInfo(profile uint8) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

func (s *SPS) readChromaInfo(r *BitReader) (separatePlanes bool) {
	s.ChromaFormat = uint8(limit(r, "chroma_format_idc", r.UE(), 3))
	if s.ChromaFormat == 3 {
		separatePlanes = r.Flag()
	}
	s.BitDepthLuma = uint8(8 + limit(r, "bit_depth_luma_minus8", r.UE(), maxBitDepth-8))
	s.BitDepthChroma = uint8(8 + limit(r, "bit_depth_chroma_minus8", r.UE(), maxBitDepth-8))
	r.Flag() // qpprime_y_zero_transform_bypass_flag
	if r.Flag() {
		lists := 8
		if s.ChromaFormat == 3 {
			lists = 12
		}
		for i := range lists {
			if !r.Flag() {
				continue
			}
			if i < 6 {
				skipScalingList(r, smallScaleList)
			} else {
				skipScalingList(r, largeScaleList)
			}
		}
	}
	return separatePlanes
}

// skipScalingList reads over a list (7.3.2.1.1.1). It has a code for every entry only until one states that the rest
// repeats the last value.
func skipScalingList(r *BitReader, size int) {
	last := int64(8)
	for range size {
		next := (last + int64(r.SE()) + 256) % 256
		if next == 0 || r.Err() != nil {
			return
		}
		last = next
	}
}

func skipPicOrderCount(r *BitReader) {
	switch limit(r, "pic_order_cnt_type", r.UE(), 2) {
	case 0:
		r.UE() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		r.Flag() // delta_pic_order_always_zero_flag
		r.SE()   // offset_for_non_ref_pic
		r.SE()   // offset_for_top_to_bottom_field
		for range limit(r, "num_ref_frames_in_pic_order_cnt_cycle", r.UE(), maxPOCCycle) {
			r.SE() // offset_for_ref_frame
		}
	}
}

// crop reads the offsets of two opposite sides, in units of so many samples, and gives what they leave of the size.
func crop(r *BitReader, size, unit int) int {
	a, b := int64(r.UE()), int64(r.UE())
	left := int64(size) - int64(unit)*(a+b)
	if left < 1 {
		r.Fail("cropping of %d and %d units of %d leaves nothing of %d samples", a, b, unit, size)
		return size
	}
	return int(left)
}

// limit is v, or 0 and an error in r where v is more than the standard allows.
func limit(r *BitReader, name string, v, most uint32) uint32 {
	if v > most {
		r.Fail("%s is %d, more than %d", name, v, most)
		return 0
	}
	return v
}

// CodecString is the stream's name in a CODECS attribute, such as avc1.64001f: profile, constraints and level in
// hexadecimal (RFC 6381, 3.3).
func (s *SPS) CodecString() string {
	return fmt.Sprintf("avc1.%02x%02x%02x", s.Profile, s.Constraints, s.Level)
}

// HRD is what the pic_timing SEI takes the lengths of its fields from: the parameters of the NAL unit stream, else
// those of the VCL NAL units, else nil (D.2.3).
func (s *SPS) HRD() *HRD {
	switch {
	case s.VUI == nil:
		return nil
	case s.VUI.NALHRD != nil:
		return s.VUI.NALHRD
	}
	return s.VUI.VCLHRD
}

// PicStructPresent reports whether pic_timing SEI has a pic_struct and, with it, room for clock timestamps.
func (s *SPS) PicStructPresent() bool { return s.VUI != nil && s.VUI.PicStructPresent }
