package flv

import (
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/media"
)

// AVCPacketType states what a video tag with H.264 holds (E.4.3.1).
type AVCPacketType uint8

// The types of packets.
const (
	AVCSequenceHeader AVCPacketType = 0 // an AVCDecoderConfigurationRecord
	AVCNALUnits       AVCPacketType = 1 // the NAL units of a picture
	AVCEndOfSequence  AVCPacketType = 2
)

// FrameType is the kind of a video tag (E.4.3.1).
type FrameType uint8

// The kinds of video tags.
const (
	FrameKey       FrameType = 1
	FrameInter     FrameType = 2
	FrameDropable  FrameType = 3 // inter frame that nothing refers to, H.263 only
	FrameGenerated FrameType = 4 // key frame made by a server
	FrameCommand   FrameType = 5 // no frame: a command to the player
)

const (
	codecAVC        = 7    // CodecID
	codecHEVC       = 12   // in no standard, but usual before Enhanced RTMP
	flagEnhanced    = 0x80 // in place of the highest bit of FrameType: a FourCC states the codec (Enhanced RTMP)
	videoHeaderSize = 5    // frame type and codec, packet type, composition time
	lengthSize      = 4    // bytes of a NAL unit's length, as written here
	// maxComposition and minComposition are the most and the least that CompositionTime, a signed number of 24 bits, can state.
	maxComposition = 1<<23 - 1
	minComposition = -1 << 23
)

// VideoBody is the body of a video tag with H.264 (E.4.3), or with HEVC in the same form.
type VideoBody struct {
	Frame  FrameType
	Packet AVCPacketType
	// Composition is PTS - DTS in milliseconds, -2^23 to 2^23-1; it has a meaning for NAL units only.
	Composition int32
	// Data is what follows: the record of a sequence header, or NAL units behind their lengths.
	Data  []byte
	Codec media.Codec
}

// ParseVideo reads the body of a video tag. Data is a sub-slice of it. Of a command to the player, only Frame is set.
// Codecs other than H.264 and HEVC are an error that names the codec. Enhanced RTMP (v2, "Enhanced Video") is read where it says
// the same in its own form.
func ParseVideo(body []byte) (VideoBody, error) {
	if len(body) == 0 {
		return VideoBody{}, errors.New("read video tag: empty body")
	}
	if body[0]&flagEnhanced != 0 {
		return parseEnhanced(body)
	}
	v := VideoBody{Frame: FrameType(body[0] >> 4)}
	if v.Frame == FrameCommand {
		return v, nil
	}
	switch codec := body[0] & 0x0F; codec {
	case codecAVC:
	case codecHEVC:
		v.Codec = media.HEVC
	default:
		return VideoBody{}, fmt.Errorf("read video tag: codec %d is not read here, H.264 (%d) and HEVC (%d) are", codec, codecAVC, codecHEVC)
	}
	if len(body) < videoHeaderSize {
		return VideoBody{}, fmt.Errorf("read video tag: header of %d bytes: %w", len(body), io.ErrUnexpectedEOF)
	}
	v.Packet = AVCPacketType(body[1])
	v.Composition = int32(uint24(body[2:])<<8) >> 8
	v.Data = body[videoHeaderSize:]
	return v, nil
}

// Types of packets of Enhanced RTMP, where they are not those of AVCPacketType.
const (
	enhancedNoComposition = 3 // NAL units that are shown when they are decoded
	enhancedMetadata      = 4
	fourCCSize            = 4
)

// parseEnhanced reads a body whose codec is given by a FourCC.
func parseEnhanced(body []byte) (VideoBody, error) {
	const head = 1 + fourCCSize
	if len(body) < head {
		return VideoBody{}, fmt.Errorf("read video tag: enhanced header of %d bytes: %w", len(body), io.ErrUnexpectedEOF)
	}
	kind := body[0] & 0x0F
	v := VideoBody{Frame: FrameType(body[0] >> 4 & 7), Packet: AVCPacketType(kind), Data: body[head:]}
	if v.Frame == FrameCommand && kind != enhancedMetadata {
		return VideoBody{Frame: FrameCommand}, nil
	}
	switch fourCC := string(body[1:head]); fourCC {
	case "avc1":
	case "hvc1":
		v.Codec = media.HEVC
	default:
		return VideoBody{}, fmt.Errorf("read video tag: codec %q is not read here, avc1 and hvc1 are", fourCC)
	}
	switch {
	case kind == byte(AVCNALUnits):
		if len(v.Data) < 3 {
			return VideoBody{}, fmt.Errorf("read video tag: composition time of %d bytes: %w", len(v.Data), io.ErrUnexpectedEOF)
		}
		v.Composition, v.Data = int32(uint24(v.Data)<<8)>>8, v.Data[3:]
	case kind == enhancedNoComposition:
		v.Packet = AVCNALUnits
	case kind > enhancedMetadata:
		return VideoBody{}, fmt.Errorf("read video tag: packets of type %d of Enhanced RTMP are not read here", kind)
	}
	return v, nil
}

// Append appends the body to dst and returns the extended slice. Composition must be in its range.
func (v VideoBody) Append(dst []byte) []byte {
	c := v.Composition
	dst = append(dst, byte(v.Frame)<<4|codecAVC, byte(v.Packet), byte(c>>16), byte(c>>8), byte(c))
	return append(dst, v.Data...)
}
