package hlsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/internal/pause"
	"github.com/refstream/refstream/internal/redact"
)

const (
	longestSegment = 10 * time.Minute // how long the answer with a segment may take in all
	longestOther   = time.Minute      // any other answer
	maxFailure     = 1 << 20          // bounds the body of an answer that is an error
	maxRequests    = 256              // how many requests of a Run may run at once
)

// errSlow is why an answer that would never end was given up.
var errSlow = errors.New("it is too slow")

// errStalled is why a request was given up.
var errStalled = errors.New("nothing was received for too long")

type request struct {
	resource Resource
	stream   *Stream
	at       location
	part     *m3u8.ByteRange // nil for all
	msn      int64
	limit    int64               // of what is taken, in bytes
	failed   func() (again bool) // called for each failed attempt, and reports whether to try again; nil for yes
}

// ask sends one request. The Exchange's Err is the failure; else got is the content, and from its address, which URIs in it
// are relative to.
func (r *reading) ask(ctx context.Context, q request) (e *Exchange, got content, from location) {
	e = &Exchange{Resource: q.resource, Stream: q.stream, URL: q.at.String(), Range: q.part, MSN: q.msn}
	e.FinalURL = e.URL
	select { // so many are requested at once only where a server answers none of them
	case r.requests <- struct{}{}:
		defer func() { <-r.requests }()
	case <-ctx.Done():
	}
	e.Began = r.c.Now()
	var err error
	if q.at.url == nil {
		from = q.at
		got, err = r.askFile(q, e)
	} else {
		got, from, err = r.askHTTP(ctx, q, e)
	}
	e.Ended = r.c.Now()
	if err != nil {
		failed := &RequestError{URL: q.at.redacted(), Err: redact.Error(err, redact.Text)}
		var status statusError
		if errors.As(err, &status) {
			failed.Status, failed.Err = int(status), nil
			refused := failed.Status == http.StatusUnauthorized || failed.Status == http.StatusForbidden
			failed.Withheld = refused && len(r.c.Header) > 0 && !r.trusted(from.url)
		}
		e.Err = failed
	}
	return e, got, from
}

// statusError is an answer that is none.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

func (r *reading) askFile(q request, e *Exchange) (content, error) {
	info, err := os.Stat(q.at.path)
	if err != nil {
		return content{}, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return content{}, errors.New("it is no regular file")
	}
	f, err := os.Open(q.at.path)
	if err != nil {
		return content{}, err
	}
	defer f.Close()
	e.Answered = r.c.Now()
	in, at, size := io.Reader(f), int64(0), info.Size()
	if q.part != nil {
		at, size = q.part.Offset, q.part.Length
		in = io.NewSectionReader(f, at, size)
	}
	if q.resource == ResourceSegment && size > maxInMemory && size <= q.limit {
		if at > info.Size()-size {
			return content{}, io.ErrUnexpectedEOF
		}
		e.Spool = &Spool{q.at.path, at, size} // where it is, it needs no other room
		return content{spool: e.Spool}, nil
	}
	got, err := r.take(q, e, in, size, q.limit)
	if err == nil && q.part != nil && got.size() < q.part.Length {
		err = io.ErrUnexpectedEOF
	}
	return got, err
}

func (r *reading) take(q request, e *Exchange, body io.Reader, announced, limit int64) (content, error) {
	if q.resource == ResourcePlaylist && coding(e.Header) == "" {
		body = &playlistBody{r: body, dash: r.c.DASH}
	}
	got, err := r.readBody(e, body, announced, limit, q.resource == ResourceSegment)
	e.Body, e.Spool = got.data, got.spool
	return got, err
}

func (r *reading) askHTTP(ctx context.Context, q request, e *Exchange) (got content, from location, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timeout := cmp.Or(r.c.Timeout, defaultTimeout)
	idle := time.AfterFunc(timeout, func() { cancel(errStalled) })
	defer idle.Stop()
	most := longestOther
	if q.resource == ResourceSegment {
		most = r.longest
	}
	slow := time.AfterFunc(most, func() { cancel(errSlow) })
	defer slow.Stop()
	explain := func(err error) error {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the rest repeats what the caller adds
		}
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errHeldUp):
			err = errHeldUp
		case errors.Is(cause, errStalled):
			err = fmt.Errorf("%w (%v)", errStalled, timeout)
		case errors.Is(cause, errSlow):
			err = fmt.Errorf("%w: %d bytes in %v", errSlow, e.Size(), most)
		}
		return err
	}

	from = q.at
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.at.url.String(), http.NoBody)
	if err != nil {
		return got, from, explain(err)
	}
	r.setHeader(req)
	if q.part != nil {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", q.part.Offset, q.part.Offset+q.part.Length-1))
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return got, from, explain(err)
	}
	defer resp.Body.Close()
	idle.Reset(timeout)
	e.Answered, e.Status, e.Header = r.c.Now(), resp.StatusCode, resp.Header
	if resp.Request != nil && resp.Request.URL != nil {
		from = location{url: resp.Request.URL}
	}
	e.FinalURL = from.String()

	body := io.Reader(&watchedReader{resp.Body, func() { idle.Reset(timeout) }})
	limit := q.limit
	failed := resp.StatusCode != http.StatusOK && (resp.StatusCode != http.StatusPartialContent || q.part == nil)
	whole := q.part != nil && resp.StatusCode == http.StatusOK // the server doesn't know ranges
	switch {
	case failed:
		limit = min(limit, maxFailure) // the body explains the error
		body = io.LimitReader(body, limit)
	case whole:
		limit = q.part.Offset + q.part.Length
		if limit > q.limit {
			return got, from, errors.New("the server sends no parts, and all of it is too much")
		}
		body = io.LimitReader(body, limit)
	}
	got, err = r.take(q, e, body, resp.ContentLength, limit)
	switch {
	case failed:
		return content{}, from, statusError(resp.StatusCode)
	case err != nil:
		return content{}, from, explain(err)
	case q.resource == ResourcePlaylist:
		got, err = r.decode(e)
		return got, from, err
	case coding(e.Header) != "":
		return content{}, from, codedError(e.Header)
	case q.part == nil:
		return got, from, nil
	case whole:
		if got.size() < limit {
			return content{}, from, io.ErrUnexpectedEOF
		}
		return got.from(q.part.Offset), from, nil
	}
	want := fmt.Sprintf("bytes %d-%d/", q.part.Offset, q.part.Offset+q.part.Length-1)
	if contentRange := resp.Header.Get("Content-Range"); !strings.HasPrefix(contentRange, want) || got.size() != q.part.Length {
		return content{}, from, fmt.Errorf("the answer is another part, %q with %d bytes", contentRange, got.size())
	}
	return got, from, nil
}

// watchedReader calls read for each read that returned bytes.
type watchedReader struct {
	r    io.Reader
	read func()
}

func (w *watchedReader) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if n > 0 {
		w.read()
	}
	return n, err
}

// pause is how long to wait before an attempt, which are counted from 1; the first needs none.
func (c *Client) pause(attempt int) time.Duration {
	least, most := cmp.Or(c.RetryMin, shortestRetry), cmp.Or(c.RetryMax, longestRetry)
	d := least
	for ; attempt > 2 && d < most; attempt-- {
		d *= 2
	}
	return min(d, max(most, least))
}

func worthRetry(err error) bool {
	var r *RequestError
	if !errors.As(err, &r) || errors.Is(err, errSlow) || errors.Is(err, ErrCoding) {
		return false
	}
	switch r.Status {
	case 0, http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true // 404: it may not be there yet
	}
	return r.Status >= 500
}

// fetch sends a request up to Attempts times and reports each. If the error is not fatal, e is the last attempt.
func (r *reading) fetch(ctx context.Context, q request) (e *Exchange, got content, from location, err error) {
	attempts := cmp.Or(r.c.Attempts, defaultAttempts)
	for n := 1; ; n++ {
		if e, got, from, err = r.fetchOnce(ctx, q, n); err != nil {
			return e, content{}, from, err
		}
		again := func() bool { return q.failed == nil || q.failed() }
		if e.Err == nil || !again() || n >= attempts || !worthRetry(e.Err) {
			return e, got, from, nil
		}
		if err := pause.For(ctx, r.c.pause(n+1)); err != nil && !givenUp(ctx) {
			return e, content{}, from, err
		}
		if givenUp(ctx) || !again() {
			return e, content{}, from, nil
		}
		r.release(e)
	}
}

// fetchOnce sends a request once and reports it. The error is fatal: ctx is done, or the handler failed.
func (r *reading) fetchOnce(ctx context.Context, q request, attempt int) (e *Exchange, got content, from location, err error) {
	e, got, from = r.ask(ctx, q)
	if ctx.Err() != nil && !givenUp(ctx) {
		return e, content{}, from, ctx.Err()
	}
	e.Attempt = attempt
	if r.h.Exchange != nil {
		err = r.report(func() error { return r.h.Exchange(e) })
	}
	return e, got, from, err
}

// givenUp reports that a single request was given up, not all.
func givenUp(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errHeldUp) }
