package h264

import (
	"slices"
	"strconv"
)

// NALType is the nal_unit_type of a NAL unit, 0 to 31 (H.264, table 7-1).
type NALType uint8

// The types of NAL units.
const (
	NALSlice            NALType = 1 // slice of a picture that is not IDR
	NALPartitionA       NALType = 2
	NALPartitionB       NALType = 3
	NALPartitionC       NALType = 4
	NALIDR              NALType = 5 // slice of an IDR picture
	NALSEI              NALType = 6
	NALSPS              NALType = 7
	NALPPS              NALType = 8
	NALAccessUnitDelim  NALType = 9
	NALEndOfSequence    NALType = 10
	NALEndOfStream      NALType = 11
	NALFiller           NALType = 12
	NALSPSExtension     NALType = 13
	NALPrefix           NALType = 14
	NALSubsetSPS        NALType = 15
	NALAuxiliarySlice   NALType = 19
	NALSliceExtension   NALType = 20
	NALSlice3DExtension NALType = 21
)

// nalTypeMask takes nal_unit_type from the first byte; nal_ref_idc and forbidden_zero_bit are above it (7.3.1).
const nalTypeMask = 0x1F

// TypeOf is the type of a NAL unit, 0 (unspecified) for an empty one.
func TypeOf(nal []byte) NALType {
	if len(nal) == 0 {
		return 0
	}
	return NALType(nal[0] & nalTypeMask)
}

// RefIDC is the nal_ref_idc of a NAL unit, 0 to 3 (H.264, 7.4.1): 0 in the slices of a picture that no other refers to. It is 0 for an
// empty one.
func RefIDC(nal []byte) uint8 {
	if len(nal) == 0 {
		return 0
	}
	return nal[0] >> 5 & 3
}

// Key reports whether NAL units of a picture have a slice of an IDR picture.
func Key(nals [][]byte) bool {
	return slices.ContainsFunc(nals, func(nal []byte) bool { return TypeOf(nal) == NALIDR })
}

// VCL reports whether the NAL unit holds coded samples of the primary picture: types 1 to 5.
func (t NALType) VCL() bool { return t >= NALSlice && t <= NALIDR }

// String is the type's name as the standard abbreviates it, or its number.
func (t NALType) String() string {
	switch t {
	case NALSlice:
		return "slice"
	case NALIDR:
		return "IDR slice"
	case NALSEI:
		return "SEI"
	case NALSPS:
		return "SPS"
	case NALPPS:
		return "PPS"
	case NALAccessUnitDelim:
		return "access unit delimiter"
	}
	return "NAL unit type " + strconv.Itoa(int(t))
}

// MinFiller is the length of the shortest filler NAL unit: its header and the trailing bits.
const MinFiller = 2

// Filler makes a filler data NAL unit of n bytes (H.264, 7.3.2.7), at least MinFiller. It may be anywhere behind the first
// slice of a primary coded picture (7.4.1.2.3), and decoders drop it.
func Filler(n int) []byte {
	nal := make([]byte, n)
	nal[0] = byte(NALFiller)
	for i := 1; i < n-1; i++ {
		nal[i] = 0xFF
	}
	nal[n-1] = 0x80 // rbsp_trailing_bits
	return nal
}
