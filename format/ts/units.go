package ts

import (
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

// splitUnits finds the access units in the NAL units of a PES packet: a new one begins with the first slice of a picture, or
// with what may only be before a picture, after a slice of the one before (H.264, 7.4.1.2.3; H.265, 7.4.2.4.4).
func splitUnits(codec media.Codec, nals [][]byte) (units [][][]byte) {
	role := roleH264
	if codec == media.HEVC {
		role = roleHEVC
	}
	begin, coded := 0, false // whether there was a slice since begin
	for i, nal := range nals {
		first, slice := role(nal)
		if first && coded {
			units = append(units, slices.Clip(nals[begin:i]))
			begin, coded = i, false
		}
		coded = coded || slice
	}
	return append(units, nals[begin:])
}

// roleH264 reports whether a NAL unit begins an access unit where there was a slice before, and whether it is a slice.
func roleH264(nal []byte) (first, slice bool) {
	switch t := h264.TypeOf(nal); {
	case t == h264.NALSlice, t == h264.NALPartitionA, t == h264.NALIDR:
		return len(nal) > 1 && nal[1]&0x80 != 0, true // first_mb_in_slice 0, an Exp-Golomb code of one bit
	case t >= h264.NALSEI && t <= h264.NALAccessUnitDelim, t == h264.NALSubsetSPS:
		return true, false
	}
	return false, false
}

// roleHEVC is roleH264 for HEVC.
func roleHEVC(nal []byte) (first, slice bool) {
	switch t := hevc.TypeOf(nal); {
	case t.VCL():
		return len(nal) > 2 && nal[2]&0x80 != 0, true // first_slice_segment_in_pic_flag
	case t >= hevc.NALVPS && t <= hevc.NALAccessUnitDelim, t == hevc.NALPrefixSEI, t >= 41 && t <= 44, t >= 48 && t <= 55:
		return true, false
	}
	return false, false
}
