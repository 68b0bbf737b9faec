package rtmp

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// ErrSlow is in the error for a peer that did not take what was written to it in time.
var ErrSlow = errors.New("peer is too slow")

// errTimeout is a peer that did not send what it had to in time.
var errTimeout = errors.New("peer took too long")

// StatusError is a peer's refusal.
type StatusError struct {
	// Command is what was refused: "connect", "publish" and so on.
	Command string
	// Code is the peer's, "NetStream.Publish.BadName" for example. It can be empty.
	Code string
	// Description is the peer's text. It can be empty.
	Description string
}

// Error reports what was refused and how the peer explains it.
func (e *StatusError) Error() string {
	s := e.Command + " was refused"
	if e.Code != "" {
		s += ": " + printable(e.Code)
	}
	if e.Description != "" {
		s += ": " + printable(e.Description)
	}
	return s
}

// maxPrinted is how many bytes of a peer's text get into an error, in which it is for a person to read.
const maxPrinted = 200

// printable is a peer's text in a form that can be logged.
func printable(s string) string {
	if len(s) > maxPrinted {
		return fmt.Sprintf("%q…", s[:maxPrinted])
	}
	return fmt.Sprintf("%q", s)
}

// hasLeft reports whether an error of a connection means that the peer has closed it, in whichever way.
func hasLeft(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE)
}
