package packager

import (
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/media"
)

// variant is the stream in the multivariant playlists (RFC 8216, 4.3.4.2).
type variant struct {
	track *media.Track // of the newest key unit, nil before the first
	rate  media.FrameRate
}

// read takes over the track of a key unit. Without an SPS in the unit, decoding could not start there, which every segment
// promises (EXT-X-INDEPENDENT-SEGMENTS).
func (v *variant) read(au media.Unit) error {
	if !slices.ContainsFunc(au.NALs, func(nal []byte) bool { return h264.TypeOf(nal) == h264.NALSPS }) {
		return fmt.Errorf("no SPS among its %d NAL units", len(au.NALs))
	}
	if au.Track == nil || au.Track.CodecString == "" {
		return errors.New("its SPS can't be read")
	}
	v.track = au.Track
	return nil
}

// playlist is the multivariant playlist of a media playlist with a peak and mean bit rate in bit/s; a mean of 0 is left out.
func (v *variant) playlist(uri string, bandwidth, average int64) m3u8.Playlist {
	milli := (2000*v.rate.Num + v.rate.Den) / (2 * v.rate.Den) // frames in 1000 s, rounded
	return m3u8.Playlist{Version: multivariantVersion, Independent: true, Multivariant: &m3u8.Multivariant{Variants: []m3u8.Variant{{
		URI: uri, Bandwidth: bandwidth, AverageBandwidth: average, Codecs: v.track.CodecString, Width: int64(v.track.Width), Height: int64(v.track.Height),
		FrameRate: fmt.Sprintf("%d.%03d", milli/1000, milli%1000),
	}}}}
}
