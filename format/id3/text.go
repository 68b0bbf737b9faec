package id3

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// The text encodings of ID3 (v2.4.0 structure, 4).
const (
	encodingLatin1  = 0
	encodingUTF16   = 1 // each string with a byte order mark
	encodingUTF16BE = 2
	encodingUTF8    = 3
)

// textReader reads the strings of a text frame as UTF-8. Bytes that mean nothing in the encoding become U+FFFD.
type textReader struct {
	encoding byte
	order    binary.ByteOrder // of UTF-16
	b        []byte
}

func newTextReader(encoding byte, b []byte) (*textReader, error) {
	t := &textReader{encoding, binary.BigEndian, b}
	switch encoding {
	case encodingUTF16:
		t.order = binary.LittleEndian // what those use who leave the mark out
	case encodingLatin1, encodingUTF16BE, encodingUTF8:
	default:
		return nil, fmt.Errorf("text encoding %d is unknown", encoding)
	}
	return t, nil
}

// description reads the string up to the next zero.
func (t *textReader) description() (string, error) {
	zero := []byte{0}
	if t.wide() {
		zero = []byte{0, 0}
	}
	for i := 0; i+len(zero) <= len(t.b); i += len(zero) {
		if bytes.Equal(t.b[i:i+len(zero)], zero) {
			s := t.decode(t.b[:i])
			t.b = t.b[i+len(zero):]
			return s, nil
		}
	}
	return "", errors.New("the description has no end")
}

// rest reads the last string, which may have zeros after it.
func (t *textReader) rest() string { return strings.TrimRight(t.decode(t.b), "\x00") }

func (t *textReader) wide() bool { return t.encoding == encodingUTF16 || t.encoding == encodingUTF16BE }

func (t *textReader) decode(b []byte) string {
	switch {
	case t.encoding == encodingLatin1:
		return latin1(b)
	case !t.wide():
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	if t.encoding == encodingUTF16 && len(b) >= 2 {
		switch {
		case b[0] == 0xFE && b[1] == 0xFF:
			t.order, b = binary.BigEndian, b[2:]
		case b[0] == 0xFF && b[1] == 0xFE:
			t.order, b = binary.LittleEndian, b[2:]
		}
	}
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, t.order.Uint16(b))
	}
	return string(utf16.Decode(units))
}

// latin1 decodes ISO 8859-1, whose codes are those of Unicode.
func latin1(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

// resynchronise takes out the zeros that unsynchronisation put behind every FF (v2.3: 5; v2.4: 6.1). b stays as it is.
func resynchronise(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i, c := range b {
		if c != 0 || i == 0 || b[i-1] != 0xFF {
			out = append(out, c)
		}
	}
	return out
}
