package mp4

import (
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/h264"
)

// splitSample finds the NAL units of a sample, in sub-slices of it. Some writers put byte streams (Annex B) into samples:
// what is none with lengths and begins with a start code is taken as one.
func splitSample(b []byte, lengthSize int) ([][]byte, error) {
	nals, err := splitLengths(b, lengthSize)
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

func splitLengths(b []byte, lengthSize int) ([][]byte, error) {
	nals := make([][]byte, 0, 8)
	for at := 0; at < len(b); {
		if len(b)-at < lengthSize {
			return nil, fmt.Errorf("%d bytes at byte %d of the sample are no length", len(b)-at, at)
		}
		n := 0
		for _, c := range b[at : at+lengthSize] {
			n = n<<8 | int(c)
		}
		at += lengthSize
		if n > len(b)-at {
			return nil, fmt.Errorf("NAL unit at byte %d of the sample has %d bytes, of which %d are there", at, n, len(b)-at)
		}
		if n > 0 {
			nals = append(nals, b[at:at+n:at+n])
		}
		at += n
	}
	if len(nals) == 0 {
		return nil, errors.New("the sample has no NAL unit")
	}
	return nals, nil
}

// withSets puts parameter sets in front, but after a delimiter, where there is no SPS yet.
func withSets(nals, sets [][]byte) [][]byte {
	if len(sets) == 0 || slices.ContainsFunc(nals, func(n []byte) bool { return h264.TypeOf(n) == h264.NALSPS }) {
		return nals
	}
	at := 0
	if h264.TypeOf(nals[0]) == h264.NALAccessUnitDelim {
		at = 1
	}
	return slices.Insert(nals, at, sets...)
}
