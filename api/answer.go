package api

import (
	"bytes"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/api/limits"
)

const (
	// maxHeld is how much of an answer is held back, to be sent with its length and a validator, and kept.
	maxHeld = maxCachedBytes
	// answerChunk is how much of a longer one a client has to take within the time of a message, in bytes: with the default
	// of 5 s it needs some 100 kbit/s.
	answerChunk = 64 << 10
)

// answer is a body that is written bit by bit. It is held back while it is short; a long one is sent while it is written, so that it
// takes no more memory than a short one.
type answer struct {
	response    *echo.Response
	contentType string
	timeout     time.Duration
	headOnly    bool
	tag         func() (string, error) // the validator of a long one

	held bytes.Buffer
	// next is the address of what is left out, empty where nothing is.
	next string
	// begun: the status and something of the body have been sent. ended: nothing more is wanted.
	begun, ended bool
	out          *limits.Writer
}

func newAnswer(c echo.Context, contentType string, timeout time.Duration, tag func() (string, error)) *answer {
	return &answer{
		response: c.Response(), contentType: contentType, timeout: timeout, headOnly: c.Request().Method == http.MethodHead,
		tag: tag,
	}
}

// flush sends what is held, once there is too much of it. more is false where nothing more is wanted.
func (a *answer) flush() (more bool, err error) {
	if !a.begun && a.held.Len() <= maxHeld {
		return true, nil
	}
	if !a.begun {
		etag, err := a.tag()
		if err != nil {
			return false, err
		}
		a.begun = true
		h := a.response.Header()
		setNext(h, a.next)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		h.Set("Content-Type", a.contentType)
		a.response.WriteHeader(http.StatusOK)
		if a.headOnly {
			a.ended = true
			return false, nil
		}
		a.out = limits.NewWriter(a.response, a.timeout)
	}
	for a.held.Len() > 0 {
		if err := a.out.Send(a.held.Next(answerChunk)); err != nil {
			return false, err
		}
	}
	if a.held.Cap() > maxHeld {
		a.held = bytes.Buffer{} // the rest is sent page by page
	}
	return true, nil
}

// finish sends the rest of an answer that has begun.
func (a *answer) finish() error {
	if !a.begun {
		return nil
	}
	_, err := a.flush()
	return err
}
