package h264

import (
	"bytes"
	"fmt"
	"io"
)

// startCode is what AppendAnnexB writes before each NAL unit: the zero_byte that Annex B wants before the first NAL
// unit of an access unit and before parameter sets, and the three bytes of start_code_prefix_one_3bytes.
const startCode = "\x00\x00\x00\x01"

// SplitAnnexB finds the NAL units of a byte stream (H.264, Annex B), in order, without their start codes. Start codes
// may have three or four bytes; zero bytes after a NAL unit belong to none, and neither do bytes before the first
// start code. Empty NAL units are left out, so nothing is returned for data without a start code.
//
// The NAL units are sub-slices of b, with their capacity cut so that appending to one leaves the next alone: they are
// valid as long as b is unchanged. Emulation prevention stays in.
func SplitAnnexB(b []byte) [][]byte {
	prefix := []byte(startCode[1:])
	i := bytes.Index(b, prefix)
	if i < 0 {
		return nil
	}
	b = b[i+len(prefix):]
	nals := make([][]byte, 0, 8) // delimiter, SPS, PPS, SEI and a few slices: one allocation for most access units
	for more := true; more; {
		var nal []byte
		if i = bytes.Index(b, prefix); i >= 0 {
			nal, b = b[:i], b[i+len(prefix):]
		} else {
			nal, more = b, false
		}
		// The last byte of a NAL unit is never zero (7.4.1): these are trailing_zero_8bits or the next zero_byte.
		for len(nal) > 0 && nal[len(nal)-1] == 0 {
			nal = nal[:len(nal)-1]
		}
		if len(nal) > 0 {
			nals = append(nals, nal[:len(nal):len(nal)])
		}
	}
	return nals
}

// AppendAnnexB appends the NAL units to dst as a byte stream (H.264, Annex B), each after a start code of four bytes,
// and returns the extended slice. Emulation prevention must be in already. The NAL units are copied.
func AppendAnnexB(dst []byte, nals [][]byte) []byte {
	for _, nal := range nals {
		dst = append(dst, startCode...)
		dst = append(dst, nal...)
	}
	return dst
}

// maxNALs bounds the NAL units of one sample: a picture has at most 139264 macroblocks (level 6.2), and nobody codes a
// slice for every other one.
const maxNALs = 1 << 16

// SplitLengths takes apart NAL units that are behind lengths of so many bytes, 1 to 4: the sample of a file format (ISO/IEC
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
