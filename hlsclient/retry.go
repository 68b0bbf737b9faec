package hlsclient

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// pause is how long to wait before an attempt, which are counted from 1; the first needs none.
func (c *Client) pause(attempt int) time.Duration {
	least, most := or(c.RetryMin, shortestRetry), or(c.RetryMax, longestRetry)
	d := least
	for ; attempt > 2 && d < most; attempt-- {
		d *= 2
	}
	return min(d, max(most, least))
}

// worthRetry reports whether asking again may help.
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

// fetch asks as often as it takes, up to Attempts, and tells of each. With an error that is not fatal the Exchange is the
// last.
func (r *reading) fetch(ctx context.Context, q request) (e *Exchange, got content, from location, err error) {
	attempts := or(r.c.Attempts, defaultAttempts)
	for n := 1; ; n++ {
		if e, got, from, err = r.fetchOnce(ctx, q, n); err != nil {
			return e, content{}, from, err
		}
		again := func() bool { return q.failed == nil || q.failed() }
		if e.Err == nil || !again() || n >= attempts || !worthRetry(e.Err) {
			return e, got, from, nil
		}
		if err := wait(ctx, r.c.pause(n+1)); err != nil && !givenUp(ctx) {
			return e, content{}, from, err
		}
		if givenUp(ctx) || !again() {
			return e, content{}, from, nil
		}
		r.release(e)
	}
}

// fetchOnce asks once and tells of it. The error is fatal: ctx, which ends with that of r, is done, or the handler
// failed.
func (r *reading) fetchOnce(ctx context.Context, q request, attempt int) (e *Exchange, got content, from location, err error) {
	e, got, from = r.ask(ctx, q)
	if ctx.Err() != nil && !givenUp(ctx) {
		return e, content{}, from, ctx.Err()
	}
	e.Attempt = attempt
	if r.h.Exchange != nil {
		err = r.tell(func() error { return r.h.Exchange(e) })
	}
	return e, got, from, err
}

// givenUp reports that a single request was given up, not all.
func givenUp(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errHeldUp) }

// wait waits for d, or until ctx is done.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
