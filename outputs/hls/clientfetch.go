package hls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/redact"
)

// readStep is how much room is made for a body at first, or less where the answer says that it is short. It grows to no
// more than four times what is there, so that an answer that claims much and brings little takes little.
const readStep = 64 << 10

// errStalled is why a request was given up.
var errStalled = errors.New("nothing has come for too long")

// request is what is to be fetched.
type request struct {
	resource Resource
	stream   *Stream
	at       location
	part     *ByteRange // nil for all
	msn      int64
	limit    int64 // of what is taken, in bytes
	// failed is told each attempt that failed, and reports whether another may be made; nil for one that may.
	failed func() (again bool)
}

// fetch asks once. The Exchange's Err says whether it came; what was asked for is then the data, and from where it came,
// which what it names is relative to.
func (c *Client) fetch(ctx context.Context, q request) (e *Exchange, data []byte, from location) {
	e = &Exchange{
		Resource: q.resource, Stream: q.stream, URL: q.at.String(), Range: q.part, MSN: q.msn, Began: c.Now(),
	}
	e.FinalURL = e.URL
	var err error
	if q.at.url == nil {
		from = q.at
		data, err = c.fetchFile(q, e)
	} else {
		data, from, err = c.fetchHTTP(ctx, q, e)
	}
	e.Ended = c.Now()
	if err != nil {
		failed := &RequestError{URL: q.at.redacted(), Err: redact.Error(err, redact.Text)}
		var status statusError
		if errors.As(err, &status) {
			failed.Status, failed.Err = int(status), nil
		}
		e.Err = failed
	}
	return e, data, from
}

// statusError is an answer that is none.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

func (c *Client) fetchFile(q request, e *Exchange) ([]byte, error) {
	info, err := os.Stat(q.at.path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(q.at.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e.Answered = c.Now()
	r, size := io.Reader(f), info.Size()
	if q.part != nil {
		r, size = io.NewSectionReader(f, q.part.Offset, q.part.Length), q.part.Length
	}
	if q.resource == ResourcePlaylist {
		r = &playlistBody{r: r}
	}
	e.Body, err = readBody(r, size, q.limit)
	if err == nil && q.part != nil && int64(len(e.Body)) < q.part.Length {
		err = io.ErrUnexpectedEOF
	}
	return e.Body, err
}

func (c *Client) fetchHTTP(ctx context.Context, q request, e *Exchange) (data []byte, from location, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timeout := or(c.Timeout, defaultTimeout)
	idle := time.AfterFunc(timeout, func() { cancel(errStalled) })
	defer idle.Stop()
	explain := func(err error) error {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the rest of it is said already
		}
		if errors.Is(context.Cause(ctx), errHeldUp) {
			err = errHeldUp
		}
		if errors.Is(context.Cause(ctx), errStalled) {
			err = fmt.Errorf("%w (%v)", errStalled, timeout)
		}
		return err
	}

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.at.url.String(), http.NoBody)
	if err != nil {
		return nil, from, explain(err)
	}
	for name, values := range c.Header {
		req.Header[name] = values
	}
	if q.part != nil {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", q.part.Offset, q.part.Offset+q.part.Length-1))
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, from, explain(err)
	}
	defer resp.Body.Close()
	idle.Reset(timeout)
	e.Answered, e.Status, e.Header = c.Now(), resp.StatusCode, resp.Header
	from = q.at
	if resp.Request != nil && resp.Request.URL != nil {
		from = location{url: resp.Request.URL}
	}
	e.FinalURL = from.String()

	body := io.Reader(&watchedReader{resp.Body, func() { idle.Reset(timeout) }})
	limit := q.limit
	whole := q.part != nil && resp.StatusCode == http.StatusOK // the server doesn't know ranges
	if whole {
		limit = q.part.Offset + q.part.Length
		if limit > or(c.MaxSegment, defaultMaxSegment) {
			return nil, from, errors.New("the server sends no parts, and all of it is too much")
		}
		body = io.LimitReader(body, limit)
	}
	if q.resource == ResourcePlaylist {
		body = &playlistBody{r: body}
	}
	e.Body, err = readBody(body, resp.ContentLength, limit)
	switch {
	case resp.StatusCode != http.StatusOK && (resp.StatusCode != http.StatusPartialContent || q.part == nil):
		return nil, from, statusError(resp.StatusCode)
	case err != nil:
		return nil, from, explain(err)
	case q.part == nil:
		return e.Body, from, nil
	case whole:
		if int64(len(e.Body)) < limit {
			return nil, from, io.ErrUnexpectedEOF
		}
		return e.Body[q.part.Offset:], from, nil
	}
	want := fmt.Sprintf("bytes %d-%d/", q.part.Offset, q.part.Offset+q.part.Length-1)
	if got := resp.Header.Get("Content-Range"); !strings.HasPrefix(got, want) || int64(len(e.Body)) != q.part.Length {
		return nil, from, fmt.Errorf("the answer is another part, %q with %d bytes", got, len(e.Body))
	}
	return e.Body, from, nil
}

// watchedReader tells of each read that brought something.
type watchedReader struct {
	r    io.Reader
	read func()
}

// Read reads once.
func (w *watchedReader) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if n > 0 {
		w.read()
	}
	return n, err
}

// readBody reads to the end, or fails where that comes after limit bytes; with an error comes what was there. It should
// have said bytes; less than 0 where that is not known.
func readBody(r io.Reader, said, limit int64) ([]byte, error) {
	whole := min(said, limit) + 1 // to see the end without more room
	size := int64(readStep)
	if said >= 0 {
		size = min(size, whole)
	}
	b := make([]byte, 0, size)
	for {
		if size := int64(len(b)); len(b) == cap(b) {
			b = slices.Grow(b, int(max(min(3*size, whole-size), size, 512)))
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return b[:limit], fmt.Errorf("it is longer than %d bytes", limit)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, err
		}
	}
}

// or is v, or the default where v is 0.
func or[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}
