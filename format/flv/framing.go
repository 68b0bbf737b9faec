package flv

import "encoding/binary"

// FileHeader is what an FLV file with video and no audio begins with (E.2), up to and with the PreviousTagSize of the
// first tag. The slice is the caller's.
func FileHeader() []byte {
	return []byte{'F', 'L', 'V', 1, flagVideo, 0, 0, 0, fileHeaderSize, 0, 0, 0, 0}
}

// flagVideo says in the file header that there are video tags (E.2).
const flagVideo = 0x01

// AppendTag appends the tag as it stands in a file (E.4.1), with the PreviousTagSize that follows it (E.3), and returns
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
