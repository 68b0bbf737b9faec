package mp4

import (
	"math"
	"math/bits"

	"github.com/refstream/refstream/media"
)

// Unit is a sample of the video track: an access unit and where it stands.
//
// PTS and DTS are 90 kHz ticks on the track's presentation timeline: the composition and decoding times, moved as the
// track's edit list says (ISO/IEC 14496-12, 8.6.6), so that DTS may be negative, and after PTS in files with
// negative composition offsets; converted from Time and DecodeTime and rounded down. Frame is -1. Key is set when there is
// an IDR slice, of HEVC an IRAP slice.
//
// NALs are those of the sample. Where they are a key frame's and hold no sequence parameter set, those of the sample
// description (avcC or hvcC) stand before its first NAL unit that isn't an access unit delimiter.
type Unit struct {
	media.AccessUnit
	// Time and DecodeTime are PTS and DTS in units of 1/Timescale s, not rounded.
	Time, DecodeTime int64
	Timescale        uint32
	// Duration is the sample's, in 90 kHz ticks, rounded down; 0 where the file doesn't say.
	Duration int64
	// Offset is where the sample begins, in bytes from the start of the file or, of a segment, of that.
	Offset int64
}

// Event is an event message (emsg).
type Event struct {
	// Scheme says what Value and Data mean: "https://aomedia.org/emsg/ID3" is an ID3 tag.
	Scheme, Value string
	ID            uint32
	// PTS is when it applies, in 90 kHz ticks on the timeline of the units, rounded down. A message that counts from the
	// start of its segment (version 0) counts from the first presented unit of the fragment that follows it.
	PTS int64
	// Duration is in 90 kHz ticks, -1 where it is not known.
	Duration int64
	Data     []byte
	// Offset is where the box begins, as of a Unit.
	Offset int64
}

// ticks is a time in units of 1/scale s in 90 kHz ticks, rounded down. A result that does not fit is the int64 nearest to
// it.
func ticks(t int64, scale uint32) int64 { return rescale(t, media.TicksPerSecond, scale, 0) }

// rescale is floor((t*to + round) / from); from is not 0.
func rescale(t int64, to, from, round uint32) int64 {
	negative := t < 0
	u := uint64(t)
	if negative {
		u = -u
	}
	hi, lo := bits.Mul64(u, uint64(to))
	var carry uint64
	if negative {
		lo, carry = bits.Sub64(lo, uint64(round), 0)
		if carry > hi { // t is so near to 0 that the sum is positive: less than half a unit
			return 0
		}
		hi -= carry
		lo, carry = bits.Add64(lo, uint64(from)-1, 0) // away from 0
	} else {
		lo, carry = bits.Add64(lo, uint64(round), 0)
	}
	hi += carry
	q := uint64(math.MaxUint64)
	if hi < uint64(from) {
		q, _ = bits.Div64(hi, lo, uint64(from))
	}
	switch {
	case negative && q > math.MaxInt64:
		return math.MinInt64
	case negative:
		return -int64(q)
	}
	return int64(min(q, math.MaxInt64))
}
