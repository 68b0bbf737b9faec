package hlsclient

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// maxMemory bounds what a Run holds in memory: bodies, and playlists with their parsed form. The process then stays below
	// 200 MB.
	maxMemory = 96 << 20
	// forPlaylists of them are reserved for playlists, which can't go to files: two versions of a day of two-second segments, and
	// one being parsed, take 60 MB.
	forPlaylists = 80 << 20
	perSlot      = 384 // what a segment takes that waits, besides its URI, and once more when it is done
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

func (b *budget) use(n int64) { b.left.Add(-n) }

func (b *budget) give(n int64) { b.left.Add(n) }

// stored is how many keys or initialization sections are kept: those of the content and of some advertisements.
const stored = 32

const storedBytes = 4 << 20

// store caches what was fetched. Streams that need the same thing at the same time share one request and its outcome.
type store struct {
	mu      sync.Mutex
	names   []string // of data, the least recently used first
	data    map[string][]byte
	bytes   int                       // of data
	fetches map[string]func() fetched // in progress
}

type fetched struct {
	b            []byte
	failure, err error
}

func newStore() *store {
	return &store{data: map[string][]byte{}, fetches: map[string]func() fetched{}}
}

// get returns what is stored under a name, or fetches and stores it. failure is why that failed, err is fatal.
func (s *store) get(name string, fetch func() ([]byte, error, error)) (b []byte, failure, err error) {
	s.mu.Lock()
	if b, ok := s.data[name]; ok {
		s.keep(name, b)
		s.mu.Unlock()
		return b, nil, nil
	}
	once := s.fetches[name]
	if once == nil {
		once = sync.OnceValue(func() fetched {
			b, failure, err := fetch()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.fetches, name)
			if failure != nil || err != nil {
				return fetched{nil, failure, err}
			}
			s.keep(name, b)
			return fetched{b, nil, nil}
		})
		s.fetches[name] = once
	}
	s.mu.Unlock()
	got := once()
	return got.b, got.failure, got.err
}

// keep stores b as the most recently used. The caller holds mu.
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
