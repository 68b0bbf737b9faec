package hevc

import (
	"bytes"
	"fmt"

	"github.com/Eyevinn/mp4ff/hevc"
)

// SPS is what is read of a sequence parameter set (H.265, 7.3.2.2): the size of the pictures that are shown, in luma samples,
// and matrix_coeffs of the VUI (table E.5), unspecifiedMatrix where it says nothing.
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
