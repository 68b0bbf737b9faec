package hlsclient

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

var (
	// ErrGap is the Err of a Segment with EXT-X-GAP.
	ErrGap = errors.New("segment is a gap")
	// ErrNotAsked is wrapped by the Err of a Segment that was listed and never requested, because it was too late.
	ErrNotAsked = errors.New("not asked for")
	// ErrCoding is wrapped by the error of an answer that is compressed although that was not requested (Content-Encoding).
	ErrCoding = errors.New("its content coding is not read")
	// ErrMethod is what the Err of a Segment wraps that is encrypted in a way that is not read: all but AES-128.
	ErrMethod = errors.New("encryption is not read")
)

// RequestError reports a failed request.
type RequestError struct {
	URL    string // without a password
	Status int    // that of an HTTP error, 0 for other errors
	Err    error  // the cause, nil where Status is
	// Withheld reports an answer 401 or 403 to a request without Client.Header, which goes to the stream's own server only.
	Withheld bool
}

// Error names the address and the cause.
func (e *RequestError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("fetch %s: %v", e.URL, e.Err)
	}
	status := "status " + strconv.Itoa(e.Status)
	if text := http.StatusText(e.Status); text != "" {
		status = fmt.Sprintf("%d %s", e.Status, text)
	}
	if e.Withheld {
		status += ", without the headers that are sent to the stream's own server only: name this one (--header-to)"
	}
	return "fetch " + e.URL + ": " + status
}

func (e *RequestError) Unwrap() error { return e.Err }
