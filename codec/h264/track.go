package h264

import (
	"bytes"
	"slices"

	"github.com/refstream/refstream/media"
)

// Track is the track of a unit with these NAL units: that of the unit before, or nil for the first, where it has the same
// parameter sets or no SPS; otherwise a new one, with the 90 kHz clock. An SPS that can't be read leaves codec string and size
// empty. Nothing of nals is kept.
func Track(before *media.Track, nals [][]byte) *media.Track {
	var sets [][]byte
	hasSPS := false
	for _, nal := range nals {
		switch TypeOf(nal) {
		case NALSPS:
			hasSPS = true
		case NALPPS, NALSPSExtension:
		default:
			continue
		}
		if !slices.ContainsFunc(sets, func(set []byte) bool { return bytes.Equal(set, nal) }) {
			sets = append(sets, nal)
		}
	}
	if before != nil && (!hasSPS || slices.EqualFunc(sets, before.Sets, bytes.Equal)) {
		return before
	}
	t := &media.Track{Codec: media.H264, Timescale: media.TicksPerSecond}
	for _, nal := range sets {
		t.Sets = append(t.Sets, bytes.Clone(nal))
		if s, err := ParseSPS(nal); err == nil && t.CodecString == "" {
			t.CodecString, t.Width, t.Height = s.CodecString(), s.Width, s.Height
		}
	}
	return t
}
