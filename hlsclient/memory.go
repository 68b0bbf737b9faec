package hlsclient

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// maxMemory is how many bytes all that a Run has in memory may take together: the bodies of answers, and the playlists
	// with what was read of them. With it a process stays below 200 MB, whatever it is sent.
	maxMemory = 96 << 20
	// forPlaylists of them are kept free for playlists, which can't go to temporary files: a day of two-second segments, of
	// which two versions are there while one is read, has some 60 MB.
	forPlaylists = 80 << 20
	// perSlot is what a segment takes that waits, besides its URI, and once more when it is done.
	perSlot = 384
)

// errNoRoom is why a playlist is not taken.
var errNoRoom = errors.New("there is no room for it in memory: the playlists of one stream may take 96 MiB together")

// budget is memory that is shared.
type budget struct{ left atomic.Int64 }

// take takes n bytes, if so many others stay free.
func (b *budget) take(n, others int64) bool {
	for {
		left := b.left.Load()
		if left-n < others {
			return false
		}
		if b.left.CompareAndSwap(left, left-n) {
			return true
		}
	}
}

// use takes n bytes that are in use already.
func (b *budget) use(n int64) { b.left.Add(-n) }

// give gives n bytes back.
func (b *budget) give(n int64) { b.left.Add(n) }

// stored is how many things are kept: as many keys or initialization sections as a playlist may go back and forth
// between, which are those of the content and of some advertisements.
const stored = 32

// storedBytes is how many bytes they may have together.
const storedBytes = 4 << 20

// store keeps what was fetched, so that it is asked for once, also by streams that need it at the same time: they share
// the outcome. What can't be had holds up only those who need it.
type store struct {
	mu      sync.Mutex
	names   []string // of data, the least recently used first
	data    map[string][]byte
	bytes   int                    // of data
	fetches map[string]*storeFetch // those that go on
}

// storeFetch is the fetching of one thing. What it brought is set when done is closed.
type storeFetch struct {
	done         chan struct{}
	b            []byte
	failure, err error
}

func newStore() *store { return &store{data: map[string][]byte{}, fetches: map[string]*storeFetch{}} }

// get returns what is kept under a name, or has it fetched and keeps it. failure is why it can't be had, err is fatal.
func (s *store) get(ctx context.Context, name string, fetch func() ([]byte, error, error)) (b []byte, failure, err error) {
	s.mu.Lock()
	if b, ok := s.data[name]; ok {
		s.keep(name, b)
		s.mu.Unlock()
		return b, nil, nil
	}
	f, going := s.fetches[name]
	if !going {
		f = &storeFetch{done: make(chan struct{})}
		s.fetches[name] = f
	}
	s.mu.Unlock()
	if going {
		select {
		case <-f.done:
			return f.b, f.failure, f.err
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	b, failure, err = fetch()
	if failure != nil || err != nil {
		b = nil
	}
	f.b, f.failure, f.err = b, failure, err
	s.mu.Lock()
	delete(s.fetches, name)
	if failure == nil && err == nil {
		s.keep(name, b)
	}
	s.mu.Unlock()
	close(f.done)
	return b, failure, err
}

// keep keeps a thing as the one that was used last. The caller holds mu.
func (s *store) keep(name string, b []byte) {
	s.bytes += len(b) - len(s.data[name])
	s.data[name] = b
	s.names = append(slices.DeleteFunc(s.names, func(n string) bool { return n == name }), name)
	for len(s.names) > stored || s.bytes > storedBytes && len(s.names) > 1 {
		s.bytes -= len(s.data[s.names[0]])
		delete(s.data, s.names[0])
		s.names = s.names[1:]
	}
}
