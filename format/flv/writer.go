package flv

import (
	"fmt"
	"io"
)

// Writer writes an FLV file. It writes what one call gives it in one Write to its destination, and what it writes depends
// on its calls alone. A Writer is not safe for concurrent use.
type Writer struct {
	w     io.Writer
	buf   []byte
	begun bool
}

// NewWriter makes a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes the tags in their order, before the first ones the file header. It returns an error for a tag with a body
// of 2^24 bytes or more, and then has written nothing, and when the destination fails.
func (w *Writer) Write(tags ...Tag) error {
	b := w.buf[:0]
	if !w.begun {
		b = append(b, FileHeader()...)
	}
	for _, t := range tags {
		if len(t.Body) > maxBody {
			return fmt.Errorf("write FLV tag: body of %d bytes is longer than %d", len(t.Body), maxBody)
		}
		b = AppendTag(b, t)
	}
	w.buf, w.begun = b, true
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("write FLV tags: %w", err)
	}
	return nil
}
