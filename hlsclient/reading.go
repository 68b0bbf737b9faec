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
	// maxStreams bounds how many playlists of one multivariant playlist are read, each with two goroutines and a
	// connection: more than any ladder with all its languages has.
	maxStreams = 256
	// maxMap bounds an initialization section, of which common ones have some kilobytes, and maxKey what comes as a key, so
	// that an error page is recognized as none.
	maxMap = 1 << 20
	maxKey = 64 << 10
)

// reading is one Run.
type reading struct {
	c      *Client
	h      Handler
	ctx    context.Context
	cancel context.CancelCauseFunc
	at     location

	telling sync.Mutex
	failed  error // the handler's, after which it is told nothing more

	http     *http.Client
	longest  time.Duration // that the answer with a segment may take
	requests chan struct{} // holds one for each that goes on
	memory   budget        // what it has in memory
	parsing  sync.Mutex    // held while a playlist is parsed, so that not all are at once

	spooling sync.Mutex
	spools   map[string]int64 // sizes of temporary files
	spooled  int64            // of all

	held    atomic.Int64 // bytes of segments that wait to be told
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
		spools: map[string]int64{},
	}
	r.longest = longestSegment
	r.http = r.withHeader(c.HTTP)
	r.memory.give(maxMemory)
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	return r, nil
}

// tell calls the handler, which no other goroutine does meanwhile. After its first error it is told nothing more.
func (r *reading) tell(f func() error) error {
	r.telling.Lock()
	defer r.telling.Unlock()
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.failed = f(); r.failed != nil {
		r.cancel(r.failed)
		return r.ctx.Err()
	}
	return nil
}

// tellLast is tell at the end, when ctx may be done.
func (r *reading) tellLast(f func() error) error {
	r.telling.Lock()
	defer r.telling.Unlock()
	if r.failed == nil {
		r.failed = f()
	}
	return r.failed
}

func (r *reading) trouble(s *Stream, err error) error {
	if r.h.Trouble == nil {
		return nil
	}
	return r.tell(func() error { return r.h.Trouble(&Trouble{s, r.c.Now(), err}) })
}

// run reads until the end.
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
	if err := first.tell(first.take(l)); err != nil {
		return err
	}
	return r.readStreams(first, l)
}

// uri is the playlist's, as the multivariant playlist has it.
func (s *Stream) uri() string {
	switch {
	case s.Variant != nil:
		return s.Variant.URI
	case s.Rendition != nil:
		return s.Rendition.URI
	}
	return ""
}
