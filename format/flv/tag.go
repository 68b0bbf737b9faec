package flv

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
