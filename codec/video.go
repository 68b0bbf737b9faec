// Package codec is what readers of H.264 and HEVC have in common, whichever of the two it is.
package codec

import (
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

// Config is what a decoder configuration record (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1) has about the samples.
type Config struct {
	Codec media.Codec
	// LengthSize is the number of bytes that the length of a NAL unit has, 1 to 4.
	LengthSize int
	// Sets are the parameter sets in the order in which a byte stream needs them.
	Sets [][]byte
	// Track is that of the units, so far as the record describes it.
	Track *media.Track
}

// ParseConfig reads a record. The result refers to b.
func ParseConfig(c media.Codec, b []byte) (Config, error) {
	if c == media.HEVC {
		r, err := hevc.ParseConfig(b)
		return Config{c, r.LengthSize, r.Sets, &media.Track{Codec: c, Timescale: media.TicksPerSecond, Sets: r.Sets}}, err
	}
	r, err := h264.ParseAVCConfig(b)
	return Config{c, r.LengthSize, r.Sets(), h264.Track(nil, r.Sets())}, err
}

// Key reports whether NAL units are those of a picture at which decoding can start: with an IDR slice, of HEVC an IRAP slice.
func Key(c media.Codec, nals [][]byte) bool {
	if c == media.HEVC {
		return hevc.Key(nals)
	}
	return h264.Key(nals)
}

// WithSets puts the parameter sets where they belong in an access unit that has no SPS of its own: after the delimiter, before the
// rest (H.264, 7.4.1.2.3). nals has at least one and is not changed.
func (c Config) WithSets(nals [][]byte) [][]byte {
	if slices.ContainsFunc(nals, func(nal []byte) bool { return c.is(nal, h264.NALSPS, hevc.NALSPS) }) {
		return nals
	}
	at := 0
	if c.is(nals[0], h264.NALAccessUnitDelim, hevc.NALAccessUnitDelim) {
		at = 1
	}
	return slices.Concat(nals[:at], c.Sets, nals[at:])
}

func (c Config) is(nal []byte, avc h264.NALType, other hevc.NALType) bool {
	if c.Codec == media.HEVC {
		return hevc.TypeOf(nal) == other
	}
	return h264.TypeOf(nal) == avc
}
