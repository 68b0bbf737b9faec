package dvr

import "github.com/refstream/refstream/h264"

const (
	hevcSPS = 33 // nal_unit_type (ITU-T H.265, table 7-1)
	// maxHEVCSets bounds num_short_term_ref_pic_sets, maxHEVCPictures what is in one (7.4.3.2.1 and 7.4.8), and
	// maxHEVCLong num_long_term_ref_pics_sps.
	maxHEVCSets, maxHEVCPictures, maxHEVCLong = 64, 16, 32
)

// readHEVC reads a sequence parameter set of H.265 (7.3.2.2) as far as the matrix of its VUI (E.2.1). Where that can't be
// reached, the matrix is unspecified. ok is false where not even the size can be read.
func readHEVC(nal []byte) (f format, ok bool) {
	r := h264.NewBitReader(h264.Unescape(nal))
	r.U(16 + 4) // header, sps_video_parameter_set_id
	layers := int(r.U(3))
	r.Flag() // sps_temporal_id_nesting_flag
	skipHEVCProfile(r, layers)
	r.UE() // sps_seq_parameter_set_id
	chroma := r.UE()
	if chroma == 3 {
		r.Flag() // separate_colour_plane_flag
	}
	f = format{int(r.UE()), int(r.UE()), matrixUnspecified}
	if r.Flag() { // conformance_window_flag
		unitX, unitY := 1, 1
		if chroma == 1 || chroma == 2 {
			unitX = 2
		}
		if chroma == 1 {
			unitY = 2
		}
		f.width -= unitX * int(r.UE()+r.UE())
		f.height -= unitY * int(r.UE()+r.UE())
	}
	if r.Err() != nil {
		return format{}, false
	}
	if m, ok := readHEVCMatrix(r, layers); ok {
		f.matrix = m
	}
	return f, true
}

// skipHEVCProfile skips profile_tier_level (7.3.3).
func skipHEVCProfile(r *h264.BitReader, layers int) {
	skip := func(bits int) {
		for ; bits > 0; bits -= 32 {
			r.U(min(bits, 32))
		}
	}
	const profile, level = 88, 8
	skip(profile + level)
	var present [8][2]bool
	for i := range layers {
		present[i] = [2]bool{r.Flag(), r.Flag()}
	}
	if layers > 0 {
		skip(2 * (8 - layers))
	}
	for _, p := range present[:layers] {
		if p[0] {
			skip(profile)
		}
		if p[1] {
			skip(level)
		}
	}
}

// readHEVCMatrix reads from the bit depths on.
func readHEVCMatrix(r *h264.BitReader, layers int) (colourMatrix, bool) {
	r.UE() // bit_depth_luma_minus8
	r.UE() // bit_depth_chroma_minus8
	countBits := int(min(r.UE(), 12)) + 4
	n := 1
	if r.Flag() { // sps_sub_layer_ordering_info_present_flag
		n = layers + 1
	}
	for range n*3 + 6 { // that, sizes of blocks and depths of trees
		r.UE()
	}
	if r.Flag() { // scaling_list_enabled_flag
		skipHEVCScaling(r)
	}
	r.U(2)        // amp_enabled_flag, sample_adaptive_offset_enabled_flag
	if r.Flag() { // pcm_enabled_flag
		r.U(8)
		r.UE()
		r.UE()
		r.Flag()
	}
	if !skipHEVCSets(r) {
		return 0, false
	}
	if r.Flag() { // long_term_ref_pics_present_flag
		n := r.UE()
		if n > maxHEVCLong {
			return 0, false
		}
		for range n {
			r.U(countBits + 1)
		}
	}
	r.U(2)         // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
	if !r.Flag() { // vui_parameters_present_flag
		return matrixUnspecified, r.Err() == nil
	}
	const extendedSAR = 255
	if r.Flag() && r.U(8) == extendedSAR { // aspect_ratio_info_present_flag
		r.U(32)
	}
	if r.Flag() { // overscan_info_present_flag
		r.Flag()
	}
	matrix := matrixUnspecified
	if r.Flag() { // video_signal_type_present_flag
		r.U(4)
		if r.Flag() { // colour_description_present_flag
			r.U(16)
			matrix = colourMatrix(r.U(8))
		}
	}
	return matrix, r.Err() == nil
}

// skipHEVCScaling skips sps_scaling_list_data_present_flag, and scaling_list_data (7.3.4) where that is set.
func skipHEVCScaling(r *h264.BitReader) {
	if !r.Flag() {
		return
	}
	for size := range 4 {
		lists := 6
		if size == 3 {
			lists = 2
		}
		for range lists {
			if !r.Flag() { // scaling_list_pred_mode_flag
				r.UE()
				continue
			}
			if size > 1 {
				r.UE() // of the same length as se(v)
			}
			for range min(64, 1<<(4+2*size)) {
				r.UE()
			}
		}
	}
}

// skipHEVCSets skips the sets of short-term reference pictures (7.3.7).
func skipHEVCSets(r *h264.BitReader) bool {
	sets := r.UE()
	if sets > maxHEVCSets {
		return false
	}
	before := 0 // pictures in the set before
	for i := range sets {
		if i == 0 || !r.Flag() { // inter_ref_pic_set_prediction_flag
			n := r.UE()
			m := r.UE()
			if n > maxHEVCPictures || m > maxHEVCPictures {
				return false
			}
			for range n + m {
				r.UE()
				r.Flag()
			}
			before = int(n + m)
			continue
		}
		r.Flag() // delta_rps_sign
		r.UE()
		n := 0
		for range before + 1 {
			used := r.Flag() // used_by_curr_pic_flag
			if !used {
				used = r.Flag() // use_delta_flag
			}
			if used {
				n++
			}
		}
		before = n
	}
	return before <= 2*maxHEVCPictures && r.Err() == nil
}
