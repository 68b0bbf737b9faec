// Package id3 writes and reads ID3 tags, as timed metadata has them in a transport stream or an emsg box (Timed Metadata for
// HTTP Live Streaming). It writes ID3v2.4.0 and reads ID3v2.3.0 too. Clauses are those of the structure documents of both.
package id3

import (
	"encoding/binary"
	"fmt"
)

// MaxSize bounds a tag, in bytes: a thousand times a usual one. Pictures, the longest that others put into theirs, are smaller.
const MaxSize = 1 << 20

const (
	magic      = "ID3"
	headerSize = 10
	// frameHeaderSize is that of ID3v2.3 and v2.4: identifier, size, flags.
	frameHeaderSize = 10
	frameText       = "TXXX"
	// synchsafeLimit is above every size that four bytes of seven bits can state.
	synchsafeLimit = 1 << 28
)

// Timed is an ID3 tag of a stream.
type Timed struct {
	// PTS is when it applies, in 90 kHz ticks, unwrapped on the timeline of the access units.
	PTS int64
	// Offset is where the packet begins in the stream in which the tag's PES packet begins; a writer does not use it.
	Offset int64
	// Tag is the whole tag, for Parse; it is its receiver's.
	Tag []byte
}

// Text is an ID3v2.4 tag of one TXXX frame, in UTF-8. description has no zero byte. It returns an error when the tag would be
// longer than [MaxSize].
func Text(description, value string) ([]byte, error) {
	body := 1 + len(description) + 1 + len(value)
	n := headerSize + frameHeaderSize + body
	if n > MaxSize {
		return nil, fmt.Errorf("make ID3 tag: it would have %d bytes, more than %d", n, MaxSize)
	}
	b := append(append(make([]byte, 0, n), magic...), 4, 0, 0) // version 2.4.0, no flags
	b = appendSynchsafe(b, frameHeaderSize+body)
	b = appendSynchsafe(append(b, frameText...), body)
	b = append(b, 0, 0, encodingUTF8) // no flags
	b = append(append(b, description...), 0)
	return append(b, value...), nil
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

// Size is the size of the ID3 tag that b begins, with header and footer; ok is false when b begins none, or is too short to
// tell.
func Size(b []byte) (n int, ok bool) {
	const hasFooter = 0x10
	if len(b) < headerSize || string(b[:3]) != magic || b[3] == 0xFF || b[4] == 0xFF {
		return 0, false
	}
	n, ok = synchsafe(b[6:])
	n += headerSize
	if b[3] >= 4 && b[5]&hasFooter != 0 {
		n += headerSize
	}
	return n, ok
}

// Restore puts the first five bytes back in front of a tag that lost them, as all do that ffmpeg 5.1 copies. Other data is
// returned as it is.
func Restore(data []byte) []byte {
	const lost = magic + "\x04\x00"
	whole := append([]byte(lost), data...)
	if n, ok := Size(whole); !ok || n != len(whole) || data[0] != 0 || !isFrameID(whole[headerSize:]) {
		return data
	}
	return whole
}
