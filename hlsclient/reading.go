package hlsclient

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Client.
const (
	defaultTimeout    = 10 * time.Second
	defaultAttempts   = 4
	shortestRetry     = 250 * time.Millisecond
	longestRetry      = 5 * time.Second
	defaultMaxSegment = 256 << 20 // ten seconds at 200 Mbit/s
)

const (
	// maxStreams bounds the playlists read of one multivariant playlist, each with two goroutines and a connection: more than any
	// ladder with all its languages has.
	maxStreams = 256
	// maxMap bounds an initialization section, usually some kilobytes, and maxKey a key, so that an error page is recognized.
	maxMap = 1 << 20
	maxKey = 64 << 10
)

type reading struct {
	c      *Client
	h      Handler
	ctx    context.Context
	cancel context.CancelCauseFunc
	at     location

	reporting sync.Mutex
	failed    error // the handler's, after which it is not called any more

	http     *http.Client
	longest  time.Duration // that the answer with a segment may take
	requests chan struct{} // holds one for each that runs
	memory   budget        // what it has in memory
	parsing  sync.Mutex    // held while a playlist is parsed, so that not all are at once

	spooling sync.Mutex
	spools   map[string]int64 // sizes of temporary files
	spooled  int64            // of all

	held    atomic.Int64 // bytes of segments that wait to be reported
	maxHeld int64
	keys    *store
	maps    *store
}

func (c *Client) newReading(ctx context.Context, url string, h Handler) (*reading, error) {
	switch {
	case c.Now == nil:
		return nil, errors.New("HLS client: Now is missing: give it a clock such as time.Now")
	case min(c.ReloadMultivariant, c.Timeout, c.RetryMin, c.RetryMax, c.GiveUp) < 0 || c.Attempts < 0 || c.Parallel < 0 || c.MaxSegment < 0:
		return nil, errors.New("HLS client: a time or number is negative")
	}
	at, err := parseLocation(url)
	if err != nil {
		return nil, err
	}
	r := &reading{
		c: c, h: h, at: at, keys: newStore(), maps: newStore(), maxHeld: maxHeld, requests: make(chan struct{}, maxRequests),
		spools: map[string]int64{}, longest: longestSegment,
	}
	r.http = r.withHeader(c.HTTP)
	r.memory.give(maxMemory)
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	return r, nil
}

// report calls the handler, one call at a time. It is not called again after its first error.
func (r *reading) report(f func() error) error {
	r.reporting.Lock()
	defer r.reporting.Unlock()
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.failed = f(); r.failed != nil {
		r.cancel(r.failed)
		return r.ctx.Err()
	}
	return nil
}

// reportLast is report at the end, when ctx may be done.
func (r *reading) reportLast(f func() error) error {
	r.reporting.Lock()
	defer r.reporting.Unlock()
	if r.failed == nil {
		r.failed = f()
	}
	return r.failed
}

func (r *reading) trouble(s *Stream, err error) error {
	if r.h.Trouble == nil {
		return nil
	}
	return r.report(func() error { return r.h.Trouble(&Trouble{s, r.c.Now(), err}) })
}

func (r *reading) run() error {
	defer r.cancel(nil)
	defer r.removeSpools()
	err := r.read()
	if r.failed != nil {
		return r.failed
	}
	return err
}

func (r *reading) read() error {
	first := &follower{r: r, at: r.at}
	l, _, err := first.loadFirst(r.ctx)
	if err != nil {
		return err
	}
	if l.playlist.Media != nil {
		first.stream = &Stream{URL: r.at.String()}
		return first.follow(l)
	}
	if err := first.report(first.take(l)); err != nil {
		return err
	}
	return r.readStreams(first, l)
}
