package redis

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
)

// maxFaults is how many entries that can't be read are remembered, each with its reason: a log full of them is one
// fault, not many.
const maxFaults = 100

// fault is an entry that can't be read.
type fault struct {
	key, id string
	err     error
}

// faults are the entries that readers met and left out. The methods may be called at once from many goroutines.
type faults struct {
	log *slog.Logger

	mu    sync.Mutex
	known []fault
	count map[markers.Kind]int64
}

func newFaults(log *slog.Logger) *faults {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &faults{log: log, count: map[markers.Kind]int64{}}
}

// note logs and counts an entry, once.
func (f *faults) note(k markers.Kind, key, id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, have := range f.known {
		if have.key == key && have.id == id {
			return
		}
	}
	if len(f.known) == maxFaults {
		return
	}
	f.known = append(f.known, fault{key, id, err})
	f.count[k]++
	f.log.Error("an entry in Redis can't be read and is left out: remove it with XDEL", "key", key, "entry", id, "error", err)
}

// Unreadable counts the entries that were left out since the store was opened, because they can't be read. Of more than
// 100 at once it counts 100.
func (s *Store) Unreadable() map[markers.Kind]int64 {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := map[markers.Kind]int64{}
	for _, k := range markers.Kinds() {
		out[k] = s.faults.count[k]
	}
	return out
}

// unreadable is an error while one of the entries that were left out is still there.
func (s *Store) unreadable(ctx context.Context) error {
	s.faults.mu.Lock()
	known := slices.Clone(s.faults.known)
	s.faults.mu.Unlock()
	if len(known) == 0 {
		return nil
	}
	pipe := s.client.Pipeline()
	for _, f := range known {
		pipe.XRangeN(ctx, f.key, f.id, f.id, 1)
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return s.failed(ctx, "read", err)
	}
	var left []fault
	for i, cmd := range cmds {
		if c, ok := cmd.(*redis.XMessageSliceCmd); ok && len(c.Val()) > 0 {
			left = append(left, known[i])
		} else {
			s.faults.forget(known[i])
		}
	}
	if len(left) == 0 {
		return nil
	}
	more := ""
	if n := len(left) - 1; n > 0 {
		more = fmt.Sprintf(", nor can %d others", n)
	}
	return fmt.Errorf("entry %s of %s in redis at %s can't be read and is left out%s: %w: remove it with XDEL",
		left[0].id, left[0].key, s.addr, more, left[0].err)
}

// forget drops an entry that is not there any more.
func (f *faults) forget(gone fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = slices.DeleteFunc(f.known, func(x fault) bool { return x.key == gone.key && x.id == gone.id })
}
