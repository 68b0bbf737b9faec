// Package stream is the fan-out of a channel's units: it hands one stream of chunks to any number of readers, which join
// and leave at any time. It has no network and no clock.
//
// The chunks are in one log that all readers share: what is kept depends on the stream alone, not on who reads or how far
// a reader is, so memory is bounded however many readers there are. The writer never waits for readers; one that
// asks for what is no longer kept gets [ErrBehind].
package stream

import (
	"errors"
	"sync"
)

// ErrBehind is that a reader was too slow: what it would read next is no longer kept.
var ErrBehind = errors.New("reader fell behind the stream")

// chunkCost is what a chunk counts for besides its Size: about what it takes in the log.
const chunkCost = 128

// none is no position.
const none = -1

// Feed is the log of one stream. One goroutine appends; Join, Close and the readers may be used by others meanwhile.
type Feed[T any] struct {
	o Options

	mu     sync.Mutex
	log    ring[Chunk[T]]
	bytes  int   // of all in the log, with chunkCost
	start  int64 // of the current GOP: the newest Start, or none; it may be kept no longer
	before int64 // of the newest complete GOP: the Start before that, or none
	closed bool
	// wake is closed when something has changed; nil while nobody waits.
	wake chan struct{}
}

// New makes a feed.
func New[T any](o Options) *Feed[T] {
	return &Feed[T]{o: o.withDefaults(), start: none, before: none}
}

// Append adds a chunk and never waits for a reader. After Close it does nothing.
func (f *Feed[T]) Append(c Chunk[T]) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	at := f.log.push(c)
	f.bytes += c.Size + chunkCost
	if c.Start {
		f.before, f.start = f.start, at
	}
	f.trim()
	wake := f.wake
	f.wake = nil
	f.mu.Unlock()
	// With the lock given back: those who wake up take it at once.
	if wake != nil {
		close(wake)
	}
}

// trim drops what nobody needs any more, from the oldest on.
func (f *Feed[T]) trim() {
	for f.log.len() > 1 && (f.bytes > f.o.MaxBytes || f.stale()) {
		f.bytes -= f.log.pop().Size + chunkCost
	}
}

// stale reports whether no reader may ask for the oldest chunk.
func (f *Feed[T]) stale() bool {
	if f.start == none {
		return true // nobody can begin before the first Start
	}
	oldest := f.log.first
	// Where the newest complete GOP begins; until there is one, the first.
	goal := f.start
	if f.before >= oldest {
		goal = f.before
	}
	return oldest < goal && f.log.at(oldest).Time < f.log.at(goal).Time-f.o.Behind
}

// Close ends the stream. Readers get those that are left, and then io.EOF.
func (f *Feed[T]) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	if f.wake != nil {
		close(f.wake)
		f.wake = nil
	}
}

// Join makes a reader. It begins with the newest complete GOP if there is one, else with the current GOP, else with the
// next Start. It has nothing to close: a reader that is no longer asked costs nothing.
func (f *Feed[T]) Join() *Reader[T] {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch oldest := f.log.first; {
	case f.before != none && f.before >= oldest:
		return &Reader[T]{feed: f, next: f.before}
	case f.start != none && f.start >= oldest:
		return &Reader[T]{feed: f, next: f.start}
	}
	return &Reader[T]{feed: f, next: f.log.end(), waiting: true}
}

const (
	// defaultBehind is 5 s of the 90 kHz clock: what a player buffers, and longer than a line that recovers is away.
	defaultBehind = 5 * 90000
	// defaultMaxBytes holds a GOP of 10 s at 50 Mbit/s, more than streams of this kind have.
	defaultMaxBytes = 64 << 20
)

// Options bound what a [Feed] keeps. What is not positive has its default.
type Options struct {
	// Behind is how far, in the ticks of Chunk.Time, a reader may lag behind the start of the newest complete GOP, so that
	// one that began there has this much time. Default 450000, which is 5 s at 90 kHz.
	Behind int64
	// MaxBytes bounds the sizes of all chunks kept, however long the GOP. Each chunk counts for a little more than its
	// Size, so that chunks of size 0 are bounded as well. Default 64 MiB. The newest chunk is kept whatever its size.
	MaxBytes int
}

func (o Options) withDefaults() Options {
	if o.Behind <= 0 {
		o.Behind = defaultBehind
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	return o
}

// Chunk is a piece of a stream: what one access unit became in some format.
type Chunk[T any] struct {
	// Payload is shared by the feed and all its readers; nobody changes it or what it points to.
	Payload T
	// Size is the payload's length in bytes. The feed believes it.
	Size int
	// Time is the chunk's DTS in ticks, not wrapped. It doesn't decrease from chunk to chunk.
	Time int64
	// Start: a reader can begin here, at a key frame.
	Start bool
}
