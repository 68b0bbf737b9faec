package packager

import (
	"bytes"
	"fmt"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// variant is what the multivariant playlist says of the stream (RFC 8216, 4.3.4.2).
type variant struct {
	// bandwidth is the peak and average the mean bit rate in bit/s; an average of 0 is left out.
	bandwidth, average int64
	codecs             string
	width, height      int
	rate               media.FrameRate

	sps []byte // what codecs, width and height were read from
}

// read takes codec and size from the sequence parameter set of a key unit. Without one, decoding could not start at
// the unit, which every segment promises (EXT-X-INDEPENDENT-SEGMENTS).
func (v *variant) read(au media.AccessUnit) error {
	for _, nal := range au.NALs {
		if h264.TypeOf(nal) != h264.NALSPS {
			continue
		}
		if bytes.Equal(nal, v.sps) {
			return nil
		}
		sps, err := h264.ParseSPS(nal)
		if err != nil {
			return err
		}
		v.sps = bytes.Clone(nal)
		v.codecs, v.width, v.height = sps.CodecString(), sps.Width, sps.Height
		return nil
	}
	return fmt.Errorf("no SPS among its %d NAL units", len(au.NALs))
}

// append appends the multivariant playlist.
func (v *variant) append(b []byte) []byte {
	b = appendTag(append(b, "#EXTM3U\n"...), "#EXT-X-VERSION:", multivariantVersion)
	b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	b = appendAttribute(b, "#EXT-X-STREAM-INF:BANDWIDTH", v.bandwidth)
	if v.average > 0 {
		b = appendAttribute(b, ",AVERAGE-BANDWIDTH", v.average)
	}
	milli := (2000*v.rate.Num + v.rate.Den) / (2 * v.rate.Den) // frames in 1000 s, rounded
	return fmt.Appendf(b, ",CODECS=%q,RESOLUTION=%dx%d,FRAME-RATE=%d.%03d\n%s\n",
		v.codecs, v.width, v.height, milli/1000, milli%1000, MediaPlaylist)
}
