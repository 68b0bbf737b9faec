// Package hevc reads the parts of an HEVC stream that state when a picture is shown, without decoding any picture: NAL
// units, supplemental enhancement information (SEI) with its time code, and the decoder configuration of MP4.
//
// It follows ITU-T H.265 (08/2021): clauses 7.3 and 7.4 for NAL units, D.2.27 and D.3.27 for the time code; and ISO/IEC
// 14496-15, 8.3.3.1, for the configuration. Emulation prevention, the byte stream and the form of SEI messages are those of
// H.264 (package h264). No input makes a function of this package panic.
package hevc

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/Eyevinn/mp4ff/hevc"

	"github.com/refstream/refstream/codec/h264"
)

// NALType is the nal_unit_type of a NAL unit, 0 to 63 (H.265, table 7-1).
type NALType uint8

// The types of NAL units that are distinguished here.
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

// Types of SEI payloads (H.265, D.2.1). User data is as in H.264.
const (
	SEIUserDataUnregistered = h264.SEIUserDataUnregistered
	SEITimeCode             = 136
)

// ParseSEI reads the messages of a NAL unit of prefix or suffix SEI, given with its header and emulation prevention, as
// h264.ParseSEI does those of H.264.
func ParseSEI(nal []byte) ([]h264.SEIMessage, error) {
	if t := TypeOf(nal); !t.SEI() {
		return nil, fmt.Errorf("read SEI: this is a NAL unit of type %d (%v)", t, t)
	}
	return h264.ParseSEIMessages(h264.Unescape(nal), headerSize)
}

// SPS is what is read of a sequence parameter set (H.265, 7.3.2.2): the size of the pictures that are shown, in luma samples,
// and matrix_coeffs of the VUI (table E.5), unspecifiedMatrix where it has none.
type SPS struct {
	Width, Height int
	Matrix        uint8
}

const unspecifiedMatrix = 2

// ParseSPS reads a NAL unit with its header and emulation prevention.
func ParseSPS(nal []byte) (SPS, error) {
	s, err := hevc.ParseSPSNALUnit(bytes.TrimRight(nal, "\x00")) // trailing_zero_8bits
	if err != nil {
		return SPS{}, fmt.Errorf("read SPS: %w", err)
	}
	w, h := s.ImageSize()
	sps := SPS{Width: int(w), Height: int(h), Matrix: unspecifiedMatrix}
	if s.VUI != nil && s.VUI.ColourDescriptionFlag {
		sps.Matrix = s.VUI.MatrixCoefficients
	}
	return sps, nil
}
