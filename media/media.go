// Package media holds the types that every stage of the stream shares: the access unit, the frame rate as an
// exact rational, and the SMPTE timecode. Time is integers throughout: frame numbers, 90 kHz ticks, nanoseconds.
package media

// Codec says how pictures are coded.
type Codec uint8

// The codecs whose access units are read. What refstream makes is H.264.
const (
	H264 Codec = iota
	HEVC
)

// String is the codec's usual name.
func (c Codec) String() string {
	if c == HEVC {
		return "HEVC"
	}
	return "H.264"
}

// Unit is one coded picture (H.264, 3.1; H.265, 3.1) with its place in the stream.
//
// A stage that receives a Unit does not change it or the bytes it holds; it makes a new one. The bytes stay
// valid and unchanged for as long as anyone holds them.
type Unit struct {
	// Frame is the picture's number, counted from the epoch, in presentation order.
	Frame int64
	// PTS and DTS are 90 kHz ticks, not wrapped to 33 bits. DTS <= PTS.
	PTS, DTS int64
	// Untimed says that the stream tells no time for it: PTS and DTS are those of the unit before, or 0.
	Untimed bool
	// Codec is that of the NAL units.
	Codec Codec
	// Key marks an IDR picture, of HEVC any IRAP picture: decoding can start here.
	Key bool
	// NALs are the NAL units in decoding order without start codes or lengths, with emulation prevention as on the
	// wire. At least one, none empty.
	NALs [][]byte
}

// Size is the sum of the NAL units' lengths in bytes, without start codes.
func (a *Unit) Size() int {
	n := 0
	for _, u := range a.NALs {
		n += len(u)
	}
	return n
}
