package h264

const (
	extendedSAR      = 255 // aspect_ratio_idc that is followed by the ratio itself (table E-1)
	unspecifiedVideo = 5   // video_format where it is not said (E.2.1)
	unspecifiedColor = 2   // colour_primaries and the like where they are not said (E.2.1)
)

// VUI is the video usability information of a sequence parameter set (H.264, Annex E), as far as it is of use here.
type VUI struct {
	// SARWidth and SARHeight are the shape of a sample, 0 and 0 where it is not said.
	SARWidth, SARHeight uint16
	// VideoFormat is video_format; 5 is unspecified.
	VideoFormat uint8
	// FullRange is video_full_range_flag.
	FullRange bool
	// Primaries, Transfer and Matrix describe the colours (tables E-3 to E-5): 1 is BT.709, 2 unspecified.
	Primaries, Transfer, Matrix uint8
	// NumUnitsInTick and TimeScale say that a field lasts NumUnitsInTick/TimeScale seconds; both are 0 where it is not
	// said. FixedFrameRate says that this holds for every picture.
	NumUnitsInTick, TimeScale uint32
	FixedFrameRate            bool
	// NALHRD and VCLHRD are nil where not present.
	NALHRD, VCLHRD *HRD
	// PicStructPresent says that pic_timing SEI has a pic_struct.
	PicStructPresent bool
	// Restriction is nil where not present.
	Restriction *BitstreamRestriction
}

// BitstreamRestriction is the part of the VUI that says how a decoder must buffer (H.264, E.2.1).
type BitstreamRestriction struct {
	// MaxNumReorderFrames is the most frames that precede another one in decoding order and follow it in output order.
	MaxNumReorderFrames uint32
	// MaxDecFrameBuffering is the size of the decoded picture buffer in frames.
	MaxDecFrameBuffering uint32
}

func readVUI(r *BitReader) *VUI {
	v := &VUI{
		VideoFormat: unspecifiedVideo,
		Primaries:   unspecifiedColor, Transfer: unspecifiedColor, Matrix: unspecifiedColor,
	}
	if r.Flag() { // aspect_ratio_info_present_flag
		v.readAspectRatio(r)
	}
	if r.Flag() { // overscan_info_present_flag
		r.Flag()
	}
	if r.Flag() { // video_signal_type_present_flag
		v.VideoFormat = uint8(r.U(3))
		v.FullRange = r.Flag()
		if r.Flag() { // colour_description_present_flag
			v.Primaries, v.Transfer, v.Matrix = uint8(r.U(8)), uint8(r.U(8)), uint8(r.U(8))
		}
	}
	if r.Flag() { // chroma_loc_info_present_flag
		r.UE()
		r.UE()
	}
	if r.Flag() { // timing_info_present_flag
		v.NumUnitsInTick, v.TimeScale = r.U(32), r.U(32)
		v.FixedFrameRate = r.Flag()
	}
	if r.Flag() {
		v.NALHRD = readHRD(r)
	}
	if r.Flag() {
		v.VCLHRD = readHRD(r)
	}
	if v.NALHRD != nil || v.VCLHRD != nil {
		r.Flag() // low_delay_hrd_flag
	}
	v.PicStructPresent = r.Flag()
	if r.Flag() { // bitstream_restriction_flag
		r.Flag() // motion_vectors_over_pic_boundaries_flag
		r.UE()   // max_bytes_per_pic_denom
		r.UE()   // max_bits_per_mb_denom
		r.UE()   // log2_max_mv_length_horizontal
		r.UE()   // log2_max_mv_length_vertical
		v.Restriction = &BitstreamRestriction{MaxNumReorderFrames: r.UE(), MaxDecFrameBuffering: r.UE()}
	}
	return v
}

// readAspectRatio reads aspect_ratio_idc and what follows. Reserved values say nothing (E.2.1).
func (v *VUI) readAspectRatio(r *BitReader) {
	known := [...][2]uint16{ // table E-1
		{0, 0}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11}, {80, 33}, {18, 11},
		{15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
	}
	idc := int(r.U(8))
	switch {
	case idc == extendedSAR:
		v.SARWidth, v.SARHeight = uint16(r.U(16)), uint16(r.U(16))
	case idc < len(known):
		v.SARWidth, v.SARHeight = known[idc][0], known[idc][1]
	}
}

// FindVUI is the VUI of the last SPS among NAL units that can be read, nil where that has none; ok is false where there is no
// such SPS.
func FindVUI(nals [][]byte) (vui *VUI, ok bool) {
	for _, nal := range nals {
		if TypeOf(nal) != NALSPS {
			continue
		}
		if sps, err := ParseSPS(nal); err == nil {
			vui, ok = sps.VUI, true
		}
	}
	return vui, ok
}

const (
	maxCPBCount = 32 // cpb_cnt_minus1 is at most 31 (H.264, E.2.2)

	// noHRDTimeOffsetLength is time_offset_length where the SPS has no HRD parameters (E.2.2).
	noHRDTimeOffsetLength = 24
)

// HRD holds the parameters of the hypothetical reference decoder that other syntax depends on (H.264, E.1.2).
type HRD struct {
	// CPBCount is the number of coded picture buffers described, 1 to 32.
	CPBCount uint8
	// InitialCPBRemovalDelayLength, CPBRemovalDelayLength and DPBOutputDelayLength are the sizes in bits of the fields
	// they name, 1 to 32.
	InitialCPBRemovalDelayLength, CPBRemovalDelayLength, DPBOutputDelayLength uint8
	// TimeOffsetLength is the size in bits of time_offset in pic_timing, 0 to 31; at 0 there is none.
	TimeOffsetLength uint8
}

func readHRD(r *BitReader) *HRD {
	h := &HRD{CPBCount: uint8(1 + limit(r, "cpb_cnt_minus1", r.UE(), maxCPBCount-1))}
	r.U(4) // bit_rate_scale
	r.U(4) // cpb_size_scale
	for range h.CPBCount {
		r.UE()   // bit_rate_value_minus1
		r.UE()   // cpb_size_value_minus1
		r.Flag() // cbr_flag
	}
	h.InitialCPBRemovalDelayLength = uint8(1 + r.U(5))
	h.CPBRemovalDelayLength = uint8(1 + r.U(5))
	h.DPBOutputDelayLength = uint8(1 + r.U(5))
	h.TimeOffsetLength = uint8(r.U(5))
	return h
}
