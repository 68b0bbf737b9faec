package flv

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	// maxHeader bounds how far the first tag may lie from the start: nothing is known to put anything there, so a larger
	// offset means that this is no FLV file.
	maxHeader = 1 << 16
	// readStep is how much of a body is made room for at a time, so that a tag that claims 16 MiB and has less costs no
	// more than it has.
	readStep = 64 << 10

	typeMask     = 0x1F // TagType, below the Filter bit (E.4.1)
	flagFiltered = 0x20 // Filter: the body is encrypted (E.4.1)
	flagReserved = 0xC0
)

// Reader takes an FLV file apart into its tags. It reads from its source in pieces as large as that gives them, so that a
// live source is not waited for longer than needed. A Reader is not safe for concurrent use.
type Reader struct {
	r     *bufio.Reader
	at    int64 // bytes read
	begun bool
	last  int // size of the tag before with its header, -1 for none
	err   error
}

// NewReader makes a Reader that reads from r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, readStep), last: -1} }

// Next returns the next tag, whatever its type. Its body is the caller's. Its time is as in the file, which is 32 bits
// of milliseconds.
//
// At the end it returns io.EOF. Other errors name the offset in bytes from the start of the file: of the source, of a
// file that is cut short (io.ErrUnexpectedEOF), that isn't FLV, or whose tags don't follow one another. Encrypted tags
// are an error as well. The same error is returned from then on.
func (r *Reader) Next() (Tag, error) {
	if r.err != nil {
		return Tag{}, r.err
	}
	at := r.at
	t, err := r.next()
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, io.EOF):
		r.err = io.EOF
	default:
		r.err = fmt.Errorf("read FLV: tag at byte %d: %w", at, err)
		if !r.begun {
			r.err = fmt.Errorf("read FLV: file header: %w", err)
		}
	}
	return Tag{}, r.err
}

func (r *Reader) next() (Tag, error) {
	if !r.begun {
		if err := r.header(); err != nil {
			return Tag{}, err
		}
		r.begun = true
	}
	if err := r.previousSize(); err != nil {
		return Tag{}, err
	}
	var h [tagHeaderSize]byte
	if err := r.read(h[:]); err != nil {
		return Tag{}, err // io.EOF: the file ends after a tag, as it should
	}
	switch {
	case h[0]&flagReserved != 0:
		return Tag{}, fmt.Errorf("0x%02x is no type of a tag", h[0])
	case h[0]&flagFiltered != 0:
		return Tag{}, errors.New("tag is encrypted")
	}
	t := Tag{Type: TagType(h[0] & typeMask), Time: uint32(h[7])<<24 | uint24(h[4:])}
	n := int(uint24(h[1:]))
	for len(t.Body) < n {
		step := min(n-len(t.Body), max(readStep, len(t.Body)))
		from := len(t.Body)
		t.Body = slices.Grow(t.Body, step)[:from+step]
		if err := r.read(t.Body[from:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return Tag{}, fmt.Errorf("body of %d bytes: %w", n, err)
		}
	}
	r.last = tagHeaderSize + n
	return t, nil
}

// header reads the file header (E.2).
func (r *Reader) header() error {
	var h [fileHeaderSize]byte
	if err := r.read(h[:]); err != nil {
		return err // io.EOF: an empty file has no tags
	}
	if string(h[:3]) != "FLV" {
		return fmt.Errorf("begins with %q, not with FLV", h[:3])
	}
	if h[3] != 1 {
		return fmt.Errorf("version %d is unknown", h[3])
	}
	offset := binary.BigEndian.Uint32(h[5:])
	if offset < fileHeaderSize || offset > maxHeader {
		return fmt.Errorf("header of %d bytes", offset)
	}
	n, err := r.r.Discard(int(offset - fileHeaderSize))
	r.at += int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// previousSize reads the PreviousTagSize before a tag (E.3): a wrong one shows that the tag before was not what it
// seemed. Known writers leave it 0, or count the tag's header short by one or not at all.
func (r *Reader) previousSize() error {
	var b [prevSizeSize]byte
	if err := r.read(b[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(b[:])
	if r.last < 0 || n == 0 {
		return nil
	}
	if d := r.last - int(n); d != 0 && d != 1 && d != tagHeaderSize {
		return fmt.Errorf("the tag before has %d bytes, and is said to have %d", r.last, n)
	}
	return nil
}

// read fills b, or returns io.EOF before its first byte and io.ErrUnexpectedEOF after it.
func (r *Reader) read(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.at += int64(n)
	return err
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }
