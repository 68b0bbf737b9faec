package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

const (
	boxHeaderSize   = 8  // size and type
	largeHeaderSize = 16 // and a size of 64 bits
)

// boxHeader is the header of a box (ISO/IEC 14496-12, 4.2).
type boxHeader struct {
	kind       string
	start, end int64 // offsets; end is math.MaxInt64 for a box that lasts until the end of the file
	length     int64 // of the header
}

// readBoxHeader reads a header. At the end of the source it returns io.EOF.
func readBoxHeader(s *source) (boxHeader, error) {
	h := boxHeader{start: s.at, length: boxHeaderSize}
	var b [boxHeaderSize]byte
	if err := s.full(b[:]); err != nil {
		return h, err
	}
	h.kind = string(b[4:])
	size := uint64(binary.BigEndian.Uint32(b[:]))
	switch size {
	case 0:
		h.end = math.MaxInt64
		return h, nil
	case 1:
		if err := s.full(b[:]); err != nil {
			return h, unexpected(err)
		}
		size, h.length = binary.BigEndian.Uint64(b[:]), largeHeaderSize
	}
	if size < uint64(h.length) || size > math.MaxInt64/2 {
		return h, fmt.Errorf("box %q of %d bytes", h.kind, size)
	}
	h.end = h.start + int64(size)
	return h, nil
}

type box struct {
	kind  string
	start int64  // offset
	whole []byte // with its header, of 8 bytes
}

func (b *box) body() []byte { return b.whole[boxHeaderSize:] }

// children calls visit for each box in b's body after the first skip bytes. It ignores an incomplete one: some writers put a
// terminator there.
func (b *box) children(skip int, visit func(box) error) error {
	for at := boxHeaderSize + skip; at >= 0 && len(b.whole)-at >= boxHeaderSize; {
		rest := b.whole[at:]
		size := uint64(binary.BigEndian.Uint32(rest))
		child := box{string(rest[4:boxHeaderSize]), b.start + int64(at), rest}
		switch {
		case size == 0:
			size = uint64(len(rest)) // to the end of what holds it
		case size == 1 && len(rest) >= largeHeaderSize:
			// Nothing that is looked for is that long: its contents are skipped.
			size = binary.BigEndian.Uint64(rest[boxHeaderSize:])
			child.kind = ""
		case size < boxHeaderSize:
			return nil
		}
		if size > uint64(len(rest)) || size < boxHeaderSize {
			return fmt.Errorf("box %q at byte %d has %d bytes, of which %d are there", child.kind, child.start, size, len(rest))
		}
		child.whole = rest[:size:size]
		if err := visit(child); err != nil {
			return err
		}
		at += int(size)
	}
	return nil
}

// decode has mp4ff take a box without children apart.
func decode[T mp4.Box](b box) (v T, err error) {
	defer func() {
		// It is made for good files: for a bad one, a panic there is an error here.
		if p := recover(); p != nil {
			err = fmt.Errorf("box %q at byte %d: %v", b.kind, b.start, p)
		}
	}()
	got, err := mp4.DecodeBoxSR(uint64(max(b.start, 0)), bits.NewFixedSliceReader(b.whole))
	if err != nil {
		return v, fmt.Errorf("box at byte %d: %w", b.start, err)
	}
	v, ok := got.(T)
	if !ok {
		return v, errors.New("box is of another type than its header")
	}
	return v, nil
}
