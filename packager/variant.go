package packager

import (
	"bytes"
	"fmt"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/media"
)

// variant is what the multivariant playlists say of the stream (RFC 8216, 4.3.4.2).
type variant struct {
	codecs        string
	width, height int
	rate          media.FrameRate

	sps []byte // what codecs, width and height were read from
}

// read takes codec and size from the sequence parameter set of a key unit. Without one, decoding could not start at
// the unit, which every segment promises (EXT-X-INDEPENDENT-SEGMENTS).
func (v *variant) read(au media.Unit) error {
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

// playlist is the multivariant playlist of a media playlist with a peak and mean bit rate in bit/s; a mean of 0 is left out.
func (v *variant) playlist(uri string, bandwidth, average int64) m3u8.Playlist {
	milli := (2000*v.rate.Num + v.rate.Den) / (2 * v.rate.Den) // frames in 1000 s, rounded
	return m3u8.Playlist{Version: multivariantVersion, Independent: true, Multivariant: &m3u8.Multivariant{Variants: []m3u8.Variant{{
		URI: uri, Bandwidth: bandwidth, AverageBandwidth: average, Codecs: v.codecs, Width: int64(v.width), Height: int64(v.height),
		FrameRate: fmt.Sprintf("%d.%03d", milli/1000, milli%1000),
	}}}}
}
