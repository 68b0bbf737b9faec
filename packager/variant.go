package packager

import (
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// variant is a rendition of pictures in the multivariant playlists (RFC 8216, 4.3.4.2).
type variant struct {
	track *media.Track // of the newest key unit, nil before the first
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

// audioGroup is the GROUP-ID of sound in files of its own.
const audioGroup = "audio"

// soundChannels is how many channels sound has.
const soundChannels = "2"

// multivariant is the multivariant playlist of a container (RFC 8216, 4.3.4).
type multivariant struct {
	container Container
	file      string
	written   []byte // as it was written last
}

// playlist is the multivariant playlist of a container.
func (w *Writer) multivariant(c Container) m3u8.Playlist {
	m := &m3u8.Multivariant{}
	var sound *output
	for i := range w.outputs {
		if o := &w.outputs[i]; o.container == c && o.rendition == markers.SoundRendition {
			sound = o
			m.Renditions = []m3u8.Rendition{{Attributes: []m3u8.Attribute{
				{Name: "TYPE", Value: "AUDIO"}, {Name: "GROUP-ID", Value: audioGroup, Quoted: true}, {Name: "NAME", Value: "Sound", Quoted: true},
				{Name: "DEFAULT", Value: "YES"}, {Name: "AUTOSELECT", Value: "YES"}, {Name: "CHANNELS", Value: soundChannels, Quoted: true},
				{Name: "URI", Value: o.media, Quoted: true},
			}}}
		}
	}
	rate := w.clock.Rate
	milli := (2000*rate.Num + rate.Den) / (2 * rate.Den) // frames in 1000 s, rounded
	for i := range w.outputs {
		o := &w.outputs[i]
		if o.container != c || o == sound {
			continue
		}
		track := w.variants[o.track].track
		v := m3u8.Variant{URI: o.media, Codecs: track.CodecString, Width: int64(track.Width), Height: int64(track.Height),
			FrameRate: fmt.Sprintf("%d.%03d", milli/1000, milli%1000)}
		played := []*output{o}
		if sound != nil {
			played, v.Audio = append(played, sound), audioGroup
		}
		if w.sound != nil {
			v.Codecs += "," + w.sound.CodecString
		}
		v.Bandwidth, v.AverageBandwidth = w.bandwidth(played...)
		m.Variants = append(m.Variants, v)
	}
	return m3u8.Playlist{Version: multivariantVersion, Independent: true, Multivariant: m}
}

// bandwidth is the peak and the mean bit rate to publish, in bit/s, of outputs that are played together; a mean of 0 is left out. The
// peak does not sink.
func (w *Writer) bandwidth(outputs ...*output) (peak, average int64) {
	for _, o := range outputs {
		peak, average = peak+o.measured.peak, average+o.measured.average()
	}
	switch {
	case w.options.Window == 0: // everything is there: no need to expect
		return peak, average
	case w.expected > 0:
		return max(w.expected, roundBandwidth(peak)), 0
	}
	return roundBandwidth(peak), roundBandwidth(average)
}
