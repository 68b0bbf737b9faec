package api

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/api/limits"
	"github.com/refstream/refstream/markers"
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

const (
	// maxCached bounds the answers kept: some hundred pollers with a query each.
	maxCached = 256
	// maxCachedBytes leaves out answers so large that 256 of them would matter; 1000 markers have half of it.
	maxCachedBytes = 2 << 20
	// maxCachedTotal bounds the memory of all.
	maxCachedTotal = 32 << 20
	// maxCachedAge bounds how long a marker may be seen after it was trimmed from its log, which doesn't change the
	// log's end.
	maxCachedAge = time.Second
)

// cacheKey is what an answer depends on besides the logs.
type cacheKey struct {
	list, channel string
	run           int64
	query         recordQuery
	format        string
}

// cacheState is how far the logs were when an answer was made, and when that was; the zero value for one that is not kept.
type cacheState struct {
	ends [2]markers.ID
	at   time.Time
}

// cachedBody is an encoded answer. Its bytes are shared and must not be changed.
type cachedBody struct {
	bytes []byte
	etag  string
	next  string // of what the limit left out
}

// bodyCache keeps answers. Where it is full it forgets all of them: they are of use for maxCachedAge only. Its methods may be
// called at once from many goroutines.
type bodyCache struct {
	mu      sync.Mutex
	entries map[cacheKey]cacheEntry
	size    int // of all bodies
}

type cacheEntry struct {
	state cacheState
	body  cachedBody
}

// get returns the answer to key that was made with the logs as they are in state.
func (c *bodyCache) get(key cacheKey, state cacheState) (cachedBody, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	age := state.at.Sub(e.state.at)
	return e.body, ok && e.state.ends == state.ends && age >= 0 && age <= maxCachedAge
}

// put keeps an answer that was made after the logs were as they are in state.
func (c *bodyCache) put(key cacheKey, state cacheState, body cachedBody) {
	if len(body.bytes) > maxCachedBytes || state.at.IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size -= len(c.entries[key].body.bytes)
	delete(c.entries, key)
	if len(c.entries) >= maxCached || c.size+len(body.bytes) > maxCachedTotal {
		clear(c.entries)
		c.size = 0
	}
	c.entries[key] = cacheEntry{state, body}
	c.size += len(body.bytes)
}

// truncatedHeader is true where the limit left records out, for formats that can't say so.
const truncatedHeader = "X-Refstream-Truncated"

// sendBody answers with a body, or says that the client has it.
func sendBody(c echo.Context, contentType string, body cachedBody) error {
	setNext(c.Response().Header(), body.next)
	return sendBytes(c, contentType, body.etag, body.bytes)
}

// hasAlready writes the validator of an answer into its headers, and reports whether the client has that answer: If-None-Match
// names it (RFC 9110, 13.1.2: weak comparison).
func hasAlready(c echo.Context, etag string) bool {
	c.Response().Header().Set("ETag", etag)
	for sent := range strings.SplitSeq(strings.Join(c.Request().Header.Values("If-None-Match"), ","), ",") {
		if sent = strings.TrimSpace(sent); sent == "*" || sent == etag || sent == "W/"+etag {
			return true
		}
	}
	return false
}

// sendBytes answers with a body and its length, or that the client has it.
func sendBytes(c echo.Context, contentType, etag string, body []byte) error {
	if hasAlready(c, etag) {
		return c.NoContent(http.StatusNotModified)
	}
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(body)))
	return c.Blob(http.StatusOK, contentType, body)
}

// setNext writes into the headers whether the limit left markers out, and where those are (RFC 8288).
func setNext(h http.Header, next string) {
	h.Set(truncatedHeader, strconv.FormatBool(next != ""))
	setLink(h, next)
}

// setLink names the address of what is left out in a header, relative to that of the request (RFC 8288, 3).
func setLink(h http.Header, next string) {
	if next != "" {
		h.Set("Link", "<"+next+`>; rel="next"`)
	}
}

// noCache answers with JSON that may be different the next time.
func noCache(c echo.Context, v any) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	return c.JSON(http.StatusOK, v)
}

// noStore answers with JSON that is of this moment only.
func noStore(c echo.Context, status int, v any) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(status, v)
}
