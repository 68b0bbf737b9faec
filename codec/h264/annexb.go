package h264

import "bytes"

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
