package h264

import (
	"fmt"
	"io"
)

// maxNALs bounds the NAL units of one sample: a picture has at most 139264 macroblocks (level 6.2), and nobody codes a
// slice for every other one.
const maxNALs = 1 << 16

// SplitLengths takes apart NAL units that stand behind lengths of so many bytes, 1 to 4: the sample of a file format (ISO/IEC
// 14496-15, 5.3.4.2). They are sub-slices of b, with their capacity cut; empty ones are left out. Errors name the offset
// in bytes, and the NAL units before it are returned with them.
func SplitLengths(b []byte, lengthSize int) ([][]byte, error) {
	if lengthSize < 1 || lengthSize > 4 {
		return nil, fmt.Errorf("split NAL units: lengths of %d bytes", lengthSize)
	}
	var nals [][]byte
	for at := 0; at < len(b); {
		if len(b)-at < lengthSize {
			return nals, fmt.Errorf("split NAL units: length at byte %d: %w", at, io.ErrUnexpectedEOF)
		}
		size := 0
		for _, c := range b[at : at+lengthSize] {
			size = size<<8 | int(c)
		}
		left := len(b) - at - lengthSize
		if size > left {
			return nals, fmt.Errorf("split NAL units: %d bytes at byte %d, of which %d are there: %w",
				size, at, left, io.ErrUnexpectedEOF)
		}
		at += lengthSize
		if size > 0 {
			if len(nals) == maxNALs {
				return nals, fmt.Errorf("split NAL units: more than %d at byte %d", maxNALs, at)
			}
			nals = append(nals, b[at:at+size:at+size])
		}
		at += size
	}
	return nals, nil
}
