package h264

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
