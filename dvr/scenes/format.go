package scenes

import (
	"bytes"
	"iter"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
)

// maxHead is how much of a picture is searched for its format, with room for messages of some kilobytes.
const maxHead = 16 << 10

// format is what one decoder requires to stay the same: the size in luma samples, and the matrix of the colours.
type format struct {
	width, height int
	matrix        colourMatrix
}

// readFormat reads the parameter sets at the start of a key frame: H.264's SPS (ITU-T H.264, 7.3.2.1.1), H.265's (ITU-T H.265,
// 7.3.2.2), or the sequence header of MPEG-1 and MPEG-2 with its extensions (ITU-T H.262, 6.2.2). ok is false if there is none, or
// for other kinds of video.
func readFormat(kind byte, head []byte) (f format, ok bool) {
	switch kind {
	case kindMPEG1, kindMPEG2:
		return readSequence(head)
	case kindH264, kindH265:
	default:
		return format{}, false
	}
	for _, nal := range h264.SplitAnnexB(head) {
		if kind == kindH265 {
			if hevc.TypeOf(nal) == hevc.NALSPS {
				sps, err := hevc.ParseSPS(nal)
				return format{sps.Width, sps.Height, colourMatrix(sps.Matrix)}, err == nil
			}
		} else if h264.TypeOf(nal) == h264.NALSPS {
			sps, err := h264.ParseSPS(nal)
			if err != nil {
				return format{}, false
			}
			f = format{sps.Width, sps.Height, matrixUnspecified}
			if sps.VUI != nil {
				f.matrix = colourMatrix(sps.VUI.Matrix)
			}
			return f, true
		}
	}
	return format{}, false
}

// wholeHead reports whether head has everything before the picture itself: its first slice has begun.
func wholeHead(kind byte, head []byte) bool {
	for b := range startCodes(head) {
		switch kind {
		case kindMPEG1, kindMPEG2:
			if b[0] == 0 { // picture_start_code
				return true
			}
		case kindH264:
			if t := h264.TypeOf(b); t >= h264.NALSlice && t <= h264.NALIDR {
				return true
			}
		case kindH265:
			if hevc.NALType(b[0] >> 1 & 0x3F).VCL() {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// startCodes is what follows each start code: at least a byte, up to the end of b.
func startCodes(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			i := bytes.Index(b, []byte{0, 0, 1})
			if i < 0 || i+3 >= len(b) {
				return
			}
			if b = b[i+3:]; !yield(b) {
				return
			}
		}
	}
}

// readSequence reads a sequence_header, sequence_extension and sequence_display_extension.
func readSequence(head []byte) (f format, ok bool) {
	f.matrix = matrixUnspecified
	for code := range startCodes(head) {
		switch b := code[1:]; {
		case code[0] == 0xB3 && len(b) >= 3:
			f.width, f.height, ok = int(b[0])<<4|int(b[1])>>4, int(b[1]&0x0F)<<8|int(b[2]), true
		case code[0] == 0xB5 && len(b) >= 4 && b[0]>>4 == 1: // the upper two bits of the sizes
			f.width |= int(b[1]&1)<<13 | int(b[2]>>7)<<12
			f.height |= int(b[2]>>5&3) << 12
		case code[0] == 0xB5 && len(b) >= 4 && b[0]>>4 == 2 && b[0]&1 == 1: // with colour_description
			f.matrix = colourMatrix(b[3])
		}
	}
	return f, ok
}
