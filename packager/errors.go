package packager

import (
	"errors"
	"fmt"
)

var (
	// ErrPublish is what an error wraps when a segment slot is lost: it becomes a gap. See PublishError.
	ErrPublish = errors.New("segment not published")
	// ErrPlaylist is what an error wraps when a segment's file is there, but a playlist could not be rewritten. The
	// next playlist that can be written names the segment.
	ErrPlaylist = errors.New("playlist not written")
	// ErrUnit is what an error wraps when an access unit does not fit the stream so far and was not taken.
	ErrUnit = errors.New("access unit does not fit")
	// ErrClosed is what Write returns after Close.
	ErrClosed = errors.New("HLS writer is closed")
)

// PublishError has the frames that are lost with a segment slot. It wraps ErrPublish and the cause.
type PublishError struct {
	// MSN is the slot. First is its first frame and Last the last frame of it that the Writer had been given.
	MSN, First, Last int64
	// Err is why.
	Err error
}

// Error names the slot, the frames and the cause.
func (e *PublishError) Error() string {
	return fmt.Sprintf("publish segment %d (frames %d to %d): %v", e.MSN, e.First, e.Last, e.Err)
}

// Unwrap gives ErrPublish and the cause.
func (e *PublishError) Unwrap() []error { return []error{ErrPublish, e.Err} }

// PublishErrors are all in an error, which may join several.
func PublishErrors(err error) (list []*PublishError) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree of errors
	case *PublishError:
		list = append(list, e)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			list = append(list, PublishErrors(part)...)
		}
	case interface{ Unwrap() error }:
		list = PublishErrors(e.Unwrap())
	}
	return list
}
