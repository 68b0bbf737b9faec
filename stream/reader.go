package stream

import (
	"context"
	"io"
)

// Reader is one reader's place in a feed. It is used by one goroutine at a time.
type Reader[T any] struct {
	feed *Feed[T]
	// next is the position of the next chunk.
	next int64
	// waiting: the reader has not begun and needs a Start.
	waiting bool
}

// Next returns the next chunk, for which it waits. The first one of a reader is a Start.
//
// Errors: io.EOF after the last chunk of a feed that is closed, ErrBehind when the next chunk is no longer kept, and the
// context's when that has ended, whatever there is to read. After io.EOF and ErrBehind the same follows again.
func (r *Reader[T]) Next(ctx context.Context) (Chunk[T], error) {
	for {
		if err := ctx.Err(); err != nil {
			return Chunk[T]{}, err
		}
		c, wake, err := r.take()
		if wake == nil {
			return c, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return Chunk[T]{}, ctx.Err()
		}
	}
}

// take returns a chunk or an error, or what to wait for when there is neither yet.
func (r *Reader[T]) take() (c Chunk[T], wake <-chan struct{}, err error) {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.waiting {
		r.next = max(r.next, f.log.first)
		for r.next < f.log.end() && !f.log.at(r.next).Start {
			r.next++
		}
	}
	switch {
	case r.next < f.log.first:
		return Chunk[T]{}, nil, ErrBehind
	case r.next < f.log.end():
		c = *f.log.at(r.next)
		r.next++
		r.waiting = false
		return c, nil, nil
	case f.closed:
		return Chunk[T]{}, nil, io.EOF
	}
	if f.wake == nil {
		f.wake = make(chan struct{})
	}
	return Chunk[T]{}, f.wake, nil
}

// Lag is how far the reader is behind the newest chunk, in ticks from the chunk that it gets next to the newest: 0 when it
// has read all but the newest, or all. What is no longer kept counts from the oldest chunk that is.
func (r *Reader[T]) Lag() int64 {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	at, end := max(r.next, f.log.first), f.log.end()
	if at >= end {
		return 0
	}
	return f.log.at(end-1).Time - f.log.at(at).Time
}
