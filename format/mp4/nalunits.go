package mp4

import (
	"errors"
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

// splitSample finds the NAL units of a sample, in sub-slices of it. Some writers put byte streams (Annex B) into samples:
// what is none with lengths and begins with a start code is taken as one.
func splitSample(b []byte, lengthSize int) ([][]byte, error) {
	nals, err := h264.SplitLengths(b, lengthSize)
	if err == nil && len(nals) == 0 {
		err = errors.New("the sample has no NAL unit")
	}
	if err == nil {
		return nals, nil
	}
	if len(b) > 3 && b[0] == 0 && b[1] == 0 && (b[2] == 1 || b[2] == 0 && b[3] == 1) {
		if nals := h264.SplitAnnexB(b); len(nals) > 0 {
			return nals, nil
		}
	}
	return nil, err
}

// withSets puts parameter sets in front, but after a delimiter, where there is no SPS yet.
func withSets(nals, sets [][]byte, codec media.Codec) [][]byte {
	is := func(nal []byte, avc h264.NALType, other hevc.NALType) bool {
		if codec == media.HEVC {
			return hevc.TypeOf(nal) == other
		}
		return h264.TypeOf(nal) == avc
	}
	if len(sets) == 0 || slices.ContainsFunc(nals, func(n []byte) bool { return is(n, h264.NALSPS, hevc.NALSPS) }) {
		return nals
	}
	at := 0
	if is(nals[0], h264.NALAccessUnitDelim, hevc.NALAccessUnitDelim) {
		at = 1
	}
	return slices.Insert(nals, at, sets...)
}
