package flv

import (
	"encoding/binary"
)

// TagType is the kind of an FLV tag (Adobe FLV 10.1, E.4.1), and of an RTMP message.
type TagType uint8

// The kinds of tags.
const (
	Audio  TagType = 8
	Video  TagType = 9
	Script TagType = 18
)

// Tag is one FLV tag, or the RTMP message with the same body.
type Tag struct {
	Type TagType
	// Time is in milliseconds, modulo 2^32: the DTS of a video tag, the time that a script tag speaks of, which for
	// onMetaData is 0.
	Time uint32
	// Body is shared by all who hold the tag; nobody changes it. At most 2^24-1 bytes.
	Body []byte
}

// Chunk is the tags of one access unit.
type Chunk struct {
	// Head is what a reader that begins with this chunk must have before Tags: onMetaData and the sequence headers. Only
	// the chunk of a key frame has it.
	Head []Tag
	// Tags is what every reader gets, in the order of the stream: script tags, the video tag last. Where parameter sets
	// have changed, a sequence header is before the video tag, and onMetaData before that if the size has.
	Tags []Tag
}

// Size is the length of all its tags in a file, in bytes.
func (c Chunk) Size() int {
	n := 0
	for _, t := range c.Head {
		n += t.Size()
	}
	for _, t := range c.Tags {
		n += t.Size()
	}
	return n
}

// FileHeader is what an FLV file with video begins with, and with sound or not (E.2), up to and with the PreviousTagSize of the
// first tag. The slice is the caller's.
func FileHeader(sound bool) []byte {
	flags := byte(flagVideo)
	if sound {
		flags |= flagAudio
	}
	return []byte{'F', 'L', 'V', 1, flags, 0, 0, 0, fileHeaderSize, 0, 0, 0, 0}
}

// Flags in the file header: there are video tags, audio tags (E.2).
const (
	flagVideo = 0x01
	flagAudio = 0x04
)

// AppendTag appends the tag as it is in a file (E.4.1), with the PreviousTagSize that follows it (E.3), and returns
// the extended slice. A body must keep to the limit of [Tag.Body]: its length is cut to 24 bits.
func AppendTag(b []byte, t Tag) []byte {
	n := len(t.Body)
	b = append(b, byte(t.Type), byte(n>>16), byte(n>>8), byte(n),
		byte(t.Time>>16), byte(t.Time>>8), byte(t.Time), byte(t.Time>>24),
		0, 0, 0) // the stream id is always 0
	b = append(b, t.Body...)
	return binary.BigEndian.AppendUint32(b, uint32(tagHeaderSize+n))
}

// Size is the length of the tag in a file, in bytes, with the PreviousTagSize that follows it.
func (t Tag) Size() int { return tagHeaderSize + len(t.Body) + prevSizeSize }
