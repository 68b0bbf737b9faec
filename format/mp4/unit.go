package mp4

import (
	"errors"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// Unit is a sample of the video track: an access unit with its place.
//
// PTS and DTS are 90 kHz ticks on the track's presentation timeline, from Time and DecodeTime, rounded down: the composition and
// decoding times with the edit list (ISO/IEC 14496-12, 8.6.6). DTS may be negative, and after PTS in files with negative
// composition offsets. Frame is -1. Key is set for an IDR slice, of HEVC an IRAP slice.
//
// NALs are those of the sample. A key frame without sequence parameter set gets those of the sample description (avcC or hvcC),
// after an access unit delimiter.
type Unit struct {
	media.Unit
	// Time and DecodeTime are PTS and DTS in units of 1/Timescale s, not rounded.
	Time, DecodeTime int64
	Timescale        uint32
	Duration         int64 // the sample's, in 90 kHz ticks, rounded down; 0 if unknown
	// Offset is where the sample begins, in bytes from the start of the file or, of a segment, of that.
	Offset int64
}

// Event is an event message (emsg).
type Event struct {
	// Scheme defines Value and Data: "https://aomedia.org/emsg/ID3" is an ID3 tag.
	Scheme, Value string
	ID            uint32
	// PTS is when it applies, in 90 kHz ticks on the timeline of the units, rounded down. In version 0 it counts from the first
	// presented unit of the next fragment.
	PTS      int64
	Duration int64 // in 90 kHz ticks, -1 where it is not known
	Data     []byte
	Offset   int64 // where the box begins, as of a Unit
}

// ticks converts units of 1/scale s to 90 kHz ticks, rounded down; the nearest int64 if the result does not fit.
func ticks(t int64, scale uint32) int64 {
	return media.MulDivFloor(t, media.TicksPerSecond, int64(scale))
}

// splitSample finds the NAL units of a sample, in sub-slices of it. A sample without valid lengths that begins with a start code is
// split as a byte stream (Annex B): some writers do that.
func splitSample(b []byte, lengthSize int) ([][]byte, error) {
	nals, err := h264.SplitLengths(b, lengthSize)
	if err == nil && len(nals) == 0 {
		err = errors.New("the sample has no NAL unit")
	}
	if err == nil {
		return nals, nil
	}
	if len(b) > 3 && b[0] == 0 && b[1] == 0 && (b[2] == 1 || b[2] == 0 && b[3] == 1) {
		if nals := h264.SplitAnnexB(b); len(nals) > 0 {
			return nals, nil
		}
	}
	return nil, err
}
