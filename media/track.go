// Package media holds the types that every stage of the stream shares: the track and its units, the frame rate as an
// exact rational, and the SMPTE timecode. Time is integers throughout: frame numbers, ticks, nanoseconds.
package media

import (
	"bytes"
	"slices"
)

// Codec is how the samples of a track are coded.
type Codec uint8

// The codecs whose units are read. What refstream makes is H.264 and AAC.
const (
	H264 Codec = iota
	HEVC
	AAC
)

// String is the codec's usual name.
func (c Codec) String() string { return [...]string{"H.264", "HEVC", "AAC"}[c] }

// Track is one sequence of coded samples: the pictures of a rendition, or the sound. It does not change: a unit whose
// parameter sets differ from those of the unit before belongs to another Track.
type Track struct {
	Codec Codec
	// Rendition is the name of the track's rendition, empty where there is only one.
	Rendition string
	// Timescale is the number of ticks in a second of the units' PTS and DTS: 90000 of video, the sample rate of sound.
	Timescale int64
	// CodecString is the codec in a CODECS attribute (RFC 6381), such as avc1.64001f; empty where it is not known.
	CodecString string
	// Width and Height are those of the pictures in pixels, after cropping; 0 where they are not known, and of sound.
	Width, Height int
	// Sets are the parameter sets as NAL units, each once; of AAC the AudioSpecificConfig. None is empty.
	Sets [][]byte
}

// Equal reports whether units of both tracks can follow one another without a new decoder configuration.
func (t *Track) Equal(o *Track) bool {
	return t == o || t != nil && o != nil && t.Codec == o.Codec && t.Rendition == o.Rendition && t.Timescale == o.Timescale &&
		slices.EqualFunc(t.Sets, o.Sets, bytes.Equal)
}

// Unit is one coded sample of a track with its place in the stream: of video a picture (an access unit of H.264, 3.1, or H.265,
// 3.1), of AAC the 1024 samples of a raw_data_block (ISO/IEC 14496-3, 4.4.2.1).
//
// A stage that receives a Unit does not change it or the bytes it holds; it makes a new one. The bytes stay
// valid and unchanged for as long as anyone holds them.
type Unit struct {
	// Track is the track of the unit. Readers and encoders set it; a unit without one is of H.264.
	Track *Track
	// Frame is the picture's number, counted from the epoch, in presentation order; of sound that of the first sample.
	Frame int64
	// PTS and DTS are ticks of the track's timescale, not wrapped to 33 bits. DTS <= PTS.
	PTS, DTS int64
	// Untimed means that the stream has no time for it: PTS and DTS are those of the unit before, or 0.
	Untimed bool
	// Key marks an IDR picture, of HEVC any IRAP picture, and every unit of sound: decoding can start here.
	Key bool
	// NALs are the NAL units of a picture in decoding order without start codes or lengths, with emulation prevention as on the
	// wire. At least one, none empty. Sound has none.
	NALs [][]byte
	// Sound is the coded sound, without ADTS header, not empty; nil for pictures.
	Sound []byte
}

// Codec is the codec of the unit's track.
func (u *Unit) Codec() Codec {
	if u.Track == nil {
		return H264
	}
	return u.Track.Codec
}

// DecodedAt is the unit's DTS in 90 kHz ticks, by which units of different tracks are put in order.
func (u *Unit) DecodedAt() int64 {
	if u.Track == nil || u.Track.Timescale == 0 {
		return u.DTS
	}
	return MulDivFloor(u.DTS, TicksPerSecond, u.Track.Timescale)
}

// Size is the length of the coded sample in bytes: of NAL units the sum, without start codes.
func (u *Unit) Size() int {
	n := len(u.Sound)
	for _, nal := range u.NALs {
		n += len(nal)
	}
	return n
}
