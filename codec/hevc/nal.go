package hevc

import (
	"slices"
	"strconv"
)

// NALType is the nal_unit_type of a NAL unit, 0 to 63 (H.265, table 7-1).
type NALType uint8

// The types of NAL units that are told apart here.
const (
	NALFirstIRAP       NALType = 16 // BLA, IDR and CRA pictures: decoding can start with them
	NALLastIRAP        NALType = 23
	NALLastVCL         NALType = 31 // slices have the types up to this one
	NALVPS             NALType = 32
	NALSPS             NALType = 33
	NALPPS             NALType = 34
	NALAccessUnitDelim NALType = 35
	NALPrefixSEI       NALType = 39
	NALSuffixSEI       NALType = 40
)

// headerSize is the length of a NAL unit's header in bytes (7.3.1.2).
const headerSize = 2

// TypeOf is the type of a NAL unit. One that is too short for a header has the last type, 63, which is unspecified.
func TypeOf(nal []byte) NALType {
	if len(nal) < headerSize {
		return 0x3F
	}
	return NALType(nal[0] >> 1 & 0x3F)
}

// Key reports whether NAL units of a picture have a slice of an IRAP picture.
func Key(nals [][]byte) bool {
	return slices.ContainsFunc(nals, func(nal []byte) bool { return TypeOf(nal).IRAP() })
}

// VCL reports whether the NAL unit holds coded samples of the picture.
func (t NALType) VCL() bool { return t <= NALLastVCL }

// IRAP reports whether it is of a picture at which decoding can start.
func (t NALType) IRAP() bool { return t >= NALFirstIRAP && t <= NALLastIRAP }

// SEI reports whether it holds SEI messages.
func (t NALType) SEI() bool { return t == NALPrefixSEI || t == NALSuffixSEI }

// String is the type's name as the standard abbreviates it, or its number.
func (t NALType) String() string {
	switch {
	case t.IRAP():
		return "IRAP slice"
	case t.VCL():
		return "slice"
	}
	switch t {
	case NALVPS:
		return "VPS"
	case NALSPS:
		return "SPS"
	case NALPPS:
		return "PPS"
	case NALAccessUnitDelim:
		return "access unit delimiter"
	case NALPrefixSEI:
		return "prefix SEI"
	case NALSuffixSEI:
		return "suffix SEI"
	}
	return "NAL unit type " + strconv.Itoa(int(t))
}
