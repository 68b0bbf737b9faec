package h264

const (
	extendedSAR      = 255 // aspect_ratio_idc that is followed by the ratio itself (table E-1)
	unspecifiedColor = 2   // matrix_coefficients where they are not given (E.2.1)
)

// VUI is the video usability information of a sequence parameter set (H.264, Annex E), as far as it is of use here; the rest is
// skipped.
type VUI struct {
	// Matrix is matrix_coefficients (table E-5): 1 is BT.709, 2 unspecified.
	Matrix uint8
	// NumUnitsInTick and TimeScale state that a field lasts NumUnitsInTick/TimeScale seconds; both are 0 where it is not
	// said. FixedFrameRate states that this holds for every picture.
	NumUnitsInTick, TimeScale uint32
	FixedFrameRate            bool
	// NALHRD and VCLHRD are nil where not present.
	NALHRD, VCLHRD *HRD
	// PicStructPresent states that pic_timing SEI has a pic_struct.
	PicStructPresent bool
}

func readVUI(r *BitReader) *VUI {
	v := &VUI{Matrix: unspecifiedColor}
	if r.Flag() && r.U(8) == extendedSAR { // aspect_ratio_info_present_flag, aspect_ratio_idc
		r.U(32) // sar_width, sar_height
	}
	if r.Flag() { // overscan_info_present_flag
		r.Flag()
	}
	if r.Flag() { // video_signal_type_present_flag
		r.U(4)        // video_format, video_full_range_flag
		if r.Flag() { // colour_description_present_flag
			r.U(16) // colour_primaries, transfer_characteristics
			v.Matrix = uint8(r.U(8))
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
		for range 6 {
			r.UE() // max_bytes_per_pic_denom to max_dec_frame_buffering
		}
	}
	return v
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
	// CPBRemovalDelayLength and DPBOutputDelayLength are the sizes in bits of the fields they name, 1 to 32.
	CPBRemovalDelayLength, DPBOutputDelayLength uint8
	// TimeOffsetLength is the size in bits of time_offset in pic_timing, 0 to 31; at 0 there is none.
	TimeOffsetLength uint8
}

func readHRD(r *BitReader) *HRD {
	buffers := 1 + limit(r, "cpb_cnt_minus1", r.UE(), maxCPBCount-1)
	r.U(8) // bit_rate_scale, cpb_size_scale
	for range buffers {
		r.UE()   // bit_rate_value_minus1
		r.UE()   // cpb_size_value_minus1
		r.Flag() // cbr_flag
	}
	r.U(5) // initial_cpb_removal_delay_length_minus1
	return &HRD{uint8(1 + r.U(5)), uint8(1 + r.U(5)), uint8(r.U(5))}
}
