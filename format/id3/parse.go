package id3

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Frame is one frame of an ID3 tag.
type Frame struct {
	// ID is its identifier, four capital letters and digits, such as TXXX or PRIV.
	ID string
	// Description is that of a TXXX frame, or the owner of a PRIV frame; empty in others.
	Description string
	// Text is the value of a TXXX or another text frame (T...), in UTF-8 without the zeros after it; empty in others.
	Text string
	// Data is the data of a PRIV frame, or the whole content of a frame that is neither; nil in text frames. It may share
	// memory with the tag.
	Data []byte
}

// Parse reads the frames of an ID3v2.3 or v2.4 tag, in order. tag begins with the tag's header; what follows the
// tag is ignored, and so are compressed and encrypted frames. Sizes in v2.4 that are not synchsafe are understood, since
// some writers make them so.
//
// Errors name the place in the tag, counted without unsynchronisation where the tag as a whole has it (v2.3). With an
// error come the frames that could be read: one that is faulty in itself does not hide those after it.
func Parse(tag []byte) ([]Frame, error) {
	p, err := openTag(tag)
	if err != nil {
		return nil, fmt.Errorf("parse ID3 tag: %w", err)
	}
	var frames []Frame
	for p.more() {
		at := p.at
		f, ok, err := p.frame()
		if err != nil {
			err = fmt.Errorf("at byte %d: %w", at+headerSize, err)
			if p.err = errors.Join(p.err, err); p.at == at {
				break // where the next one begins can't be determined
			}
		}
		if ok && err == nil {
			frames = append(frames, f)
		}
	}
	if p.err != nil {
		return frames, fmt.Errorf("parse ID3 tag: %w", p.err)
	}
	return frames, nil
}

// tagReader goes through the frames of a tag.
type tagReader struct {
	version        byte // 3 or 4
	unsynchronised bool // every frame of it is (v2.4)
	body           []byte
	at             int // in body
	err            error
}

// openTag reads the header and the extended header.
func openTag(tag []byte) (*tagReader, error) {
	const unsynchronised, extended, footer = 0x80, 0x40, 0x10
	size, ok := Size(tag)
	if !ok {
		return nil, errors.New("at byte 0: no ID3v2 header")
	}
	p := &tagReader{version: tag[3]}
	if p.version != 3 && p.version != 4 {
		return nil, fmt.Errorf("at byte 3: version 2.%d: only 2.3 and 2.4 can be read", p.version)
	}
	if size > len(tag) {
		return nil, fmt.Errorf("at byte 6: it has %d of its %d bytes", len(tag), size)
	}
	flags := tag[5]
	if p.version == 4 && flags&footer != 0 {
		size -= headerSize
	}
	p.body = tag[headerSize:size]
	switch {
	case flags&unsynchronised == 0:
	case p.version == 3:
		p.body = resynchronise(p.body)
	default:
		p.unsynchronised = true
	}
	if flags&extended != 0 {
		return p, p.skipExtended()
	}
	return p, nil
}

// skipExtended passes the extended header (v2.3: 3.2; v2.4: 3.2).
func (p *tagReader) skipExtended() error {
	const sizeBytes, least = 4, 6
	if len(p.body) < sizeBytes {
		return fmt.Errorf("at byte %d: no room for the extended header", headerSize)
	}
	n, ok := synchsafe(p.body)
	if p.version == 3 {
		n, ok = int(min(binary.BigEndian.Uint32(p.body), synchsafeLimit))+sizeBytes, true // its own size doesn't count
	}
	if !ok || n < least || n > len(p.body) {
		return fmt.Errorf("at byte %d: extended header of %d bytes in %d", headerSize, n, len(p.body))
	}
	p.at = n
	return nil
}

// more reports whether another frame begins: padding is zeros.
func (p *tagReader) more() bool {
	return len(p.body)-p.at >= frameHeaderSize && p.body[p.at] != 0
}

// frame reads the frame that begins here and moves on behind it; where it stays, the frame's end can't be determined. ok is
// false for one that can't be read as it is compressed or encrypted.
func (p *tagReader) frame() (f Frame, ok bool, err error) {
	header := p.body[p.at : p.at+frameHeaderSize]
	if !isFrameID(header) {
		return f, false, fmt.Errorf("%q is not a frame's identifier", header[:4])
	}
	f.ID = string(header[:4])
	n, err := p.frameSize()
	if err != nil {
		return f, false, fmt.Errorf("frame %s: %w", f.ID, err)
	}
	content := p.body[p.at+frameHeaderSize:][:n]
	p.at += frameHeaderSize + n
	content, ok, err = p.plain(content, header[9])
	if ok && err == nil {
		err = f.fill(content)
	}
	if err != nil {
		return f, false, fmt.Errorf("frame %s: %w", f.ID, err)
	}
	return f, ok, nil
}

// frameSize is the size of the content of the frame that begins here.
func (p *tagReader) frameSize() (int, error) {
	field := p.body[p.at+4:]
	room := len(p.body) - p.at - frameHeaderSize
	plain := int(min(binary.BigEndian.Uint32(field), synchsafeLimit))
	if p.version == 3 {
		if plain > room {
			return 0, fmt.Errorf("its %d bytes don't fit into the %d that are left", plain, room)
		}
		return plain, nil
	}
	n, ok := synchsafe(field)
	ok = ok && n <= room
	if ok && (n == plain || p.endsAt(n)) {
		return n, nil
	}
	if plain <= room && (!ok || p.endsAt(plain)) {
		return plain, nil // written as in v2.3
	}
	if !ok {
		return 0, fmt.Errorf("its %d bytes don't fit into the %d that are left", n, room)
	}
	return n, nil
}

// endsAt reports whether the frame that begins here may have n bytes of content: another frame, padding or the end follows.
func (p *tagReader) endsAt(n int) bool {
	rest := p.body[p.at+frameHeaderSize+n:]
	return len(rest) == 0 || rest[0] == 0 || isFrameID(rest)
}

// plain takes off what a frame's format flags put before its content (v2.3: 3.3.1; v2.4: 4.1.2). ok is false when the
// content is compressed or encrypted.
func (p *tagReader) plain(b []byte, flags byte) (content []byte, ok bool, err error) {
	const (
		compressed3, encrypted3, grouped3                               = 0x80, 0x40, 0x20
		grouped4, compressed4, encrypted4, unsynchronised4, dataLength4 = 0x40, 0x08, 0x04, 0x02, 0x01
	)
	if p.version == 3 {
		if flags&(compressed3|encrypted3) != 0 {
			return nil, false, nil
		}
		flags = flags & grouped3 * 2 // as in v2.4
	}
	if flags&(compressed4|encrypted4) != 0 {
		return nil, false, nil
	}
	skip := 0
	if flags&grouped4 != 0 {
		skip++
	}
	if flags&dataLength4 != 0 {
		skip += 4
	}
	if skip > len(b) {
		return nil, false, fmt.Errorf("%d bytes are too few for its flags", len(b))
	}
	b = b[skip:]
	if p.unsynchronised || flags&unsynchronised4 != 0 {
		b = resynchronise(b)
	}
	return b, true, nil
}

// fill reads the content of a frame.
func (f *Frame) fill(b []byte) error {
	switch {
	case f.ID == "PRIV":
		owner, data, ok := bytes.Cut(b, []byte{0})
		if !ok {
			return errors.New("the owner has no end")
		}
		f.Description, f.Data = latin1(owner), data
	case f.ID[0] == 'T':
		if len(b) == 0 {
			return errors.New("no text encoding")
		}
		t, err := newTextReader(b[0], b[1:])
		if err != nil {
			return err
		}
		if f.ID == frameText {
			if f.Description, err = t.description(); err != nil {
				return err
			}
		}
		f.Text = t.rest()
	default:
		f.Data = b
	}
	return nil
}

// isFrameID reports whether b begins with a frame's identifier.
func isFrameID(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, c := range b[:4] {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
