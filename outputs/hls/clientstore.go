package hls

import (
	"context"
	"slices"
)

// stored is how many things are kept: as many keys or initialization sections as a playlist may go back and forth
// between, which are those of the content and of some advertisements.
const stored = 32

// store keeps what was fetched, so that it is asked for once, also by streams that need it at the same time.
type store struct {
	turn  chan struct{} // held by who looks and fetches
	names []string      // the least recently used first
	data  map[string][]byte
}

func newStore() store { return store{turn: make(chan struct{}, 1), data: map[string][]byte{}} }

// get returns what is kept under a name, or has it fetched and keeps it. failure is why it can't be had, err is fatal.
func (s *store) get(ctx context.Context, name string, fetch func() ([]byte, error, error)) (b []byte, failure, err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	defer func() { <-s.turn }()
	b, ok := s.data[name]
	if !ok {
		if b, failure, err = fetch(); err != nil || failure != nil {
			return nil, failure, err
		}
		s.data[name] = b
	}
	s.names = append(slices.DeleteFunc(s.names, func(n string) bool { return n == name }), name)
	if len(s.names) > stored {
		delete(s.data, s.names[0])
		s.names = s.names[1:]
	}
	return b, nil, nil
}
