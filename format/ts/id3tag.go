package ts

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/refstream/refstream/markers"
)

const (
	id3Magic      = "ID3"
	id3HeaderSize = 10
	// id3FrameHeaderSize is that of ID3v2.3 and v2.4: identifier, size, flags.
	id3FrameHeaderSize = 10
	id3FrameText       = "TXXX"
	id3FramePrivate    = "PRIV"
	// maxTag bounds a tag: a thousand times a usual marker's. Pictures, the longest that others put into theirs, are
	// smaller.
	maxTag = 1 << 20
	// synchsafeLimit is above every size that four bytes of seven bits can say.
	synchsafeLimit = 1 << 28
	// markerDescription is the description of the TXXX frame that holds a marker.
	markerDescription = "refstream"
)

// MarkerTag is a marker as an ID3v2.4 tag: one TXXX frame with the description "refstream" and the marker's JSON as its
// value, in UTF-8. It returns an error when the marker has no JSON, because of a time after the year 9999, or when the
// tag would be longer than 1 MiB.
func MarkerTag(m markers.Marker) ([]byte, error) {
	value, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("make ID3 tag: %w", err)
	}
	const utf8 = 3
	body := 1 + len(markerDescription) + 1 + len(value)
	if n := id3HeaderSize + id3FrameHeaderSize + body; n > maxTag {
		return nil, fmt.Errorf("make ID3 tag: it would have %d bytes, more than %d", n, maxTag)
	}
	b := make([]byte, 0, id3HeaderSize+id3FrameHeaderSize+body)
	b = append(append(b, id3Magic...), 4, 0, 0) // version 2.4.0, no flags
	b = appendSynchsafe(b, id3FrameHeaderSize+body)
	b = appendSynchsafe(append(b, id3FrameText...), body)
	b = append(b, 0, 0, utf8) // no flags
	b = append(append(b, markerDescription...), 0)
	return append(b, value...), nil
}

// MarkerOf is the marker that the frames of a tag hold, as MarkerTag puts it there; ok is false where there is none. It
// returns an error when the frame for it is there but doesn't hold a marker.
func MarkerOf(frames []ID3Frame) (m markers.Marker, ok bool, err error) {
	for _, f := range frames {
		if f.ID == id3FrameText && f.Description == markerDescription {
			if err := json.Unmarshal([]byte(f.Text), &m); err != nil {
				return markers.Marker{}, false, fmt.Errorf("read marker of ID3 tag: %w", err)
			}
			return m, true, nil
		}
	}
	return markers.Marker{}, false, nil
}

// appendSynchsafe appends a size of less than 2^28 in four bytes of seven bits (ID3v2.4.0 structure, 6.2).
func appendSynchsafe(b []byte, n int) []byte {
	return append(b, byte(n>>21)&0x7F, byte(n>>14)&0x7F, byte(n>>7)&0x7F, byte(n)&0x7F)
}

// synchsafe reads four bytes of seven bits; ok is false when one has its highest bit set.
func synchsafe(b []byte) (n int, ok bool) {
	v := binary.BigEndian.Uint32(b)
	return int(v>>24&0x7F)<<21 | int(v>>16&0x7F)<<14 | int(v>>8&0x7F)<<7 | int(v&0x7F), v&0x80808080 == 0
}

// ID3Size is the size of the ID3 tag that b begins, with header and footer; ok is false when b begins none, or is too
// short to tell.
func ID3Size(b []byte) (n int, ok bool) {
	const hasFooter = 0x10
	if len(b) < id3HeaderSize || string(b[:3]) != id3Magic || b[3] == 0xFF || b[4] == 0xFF {
		return 0, false
	}
	n, ok = synchsafe(b[6:])
	n += id3HeaderSize
	if b[3] >= 4 && b[5]&hasFooter != 0 {
		n += id3HeaderSize
	}
	return n, ok
}
