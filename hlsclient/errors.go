package hlsclient

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

var (
	// ErrGap is the Err of a Segment that the playlist says is not there.
	ErrGap = errors.New("segment is a gap")
	// ErrNotAsked is what the Err of a Segment wraps that was named and never asked for: it came too late to that.
	ErrNotAsked = errors.New("not asked for")
	// ErrCoding is what the error of an answer wraps that came compressed, though that was not asked for (Content-Encoding).
	ErrCoding = errors.New("its content coding is not read")
	// ErrMethod is what the Err of a Segment wraps that is encrypted in a way that is not read: all but AES-128.
	ErrMethod = errors.New("encryption is not read")
)

// RequestError says that something could not be fetched.
type RequestError struct {
	// URL is without a password.
	URL string
	// Status is the answer's, 0 where none came that is an error.
	Status int
	// Err is the cause, nil where Status is.
	Err error
	// Withheld says that it was asked for without Client.Header, which is sent to the stream's own server only, and refused.
	Withheld bool
}

// Error says what was asked for and why it did not come.
func (e *RequestError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("fetch %s: %v", e.URL, e.Err)
	}
	said := "status " + strconv.Itoa(e.Status)
	if text := http.StatusText(e.Status); text != "" {
		said = fmt.Sprintf("%d %s", e.Status, text)
	}
	if e.Withheld {
		said += ", without the headers that are sent to the stream's own server only: name this one (--header-to)"
	}
	return "fetch " + e.URL + ": " + said
}

// Unwrap gives the cause.
func (e *RequestError) Unwrap() error { return e.Err }
