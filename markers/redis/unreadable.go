package redis

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/refstream/refstream/markers"
)

// maxBad is how many entries that can't be read are remembered, each with its reason: a log full of them is one fault, not many.
const maxBad = 100

// badEntry is an entry that can't be read: readers leave it out.
type badEntry struct {
	key, id string
	err     error
}

func (e badEntry) is(o badEntry) bool { return e.key == o.key && e.id == o.id }

// noteBad logs and counts an entry, once.
func (s *Store) noteBad(k markers.Kind, e badEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bad) == maxBad || slices.ContainsFunc(s.bad, e.is) {
		return
	}
	s.bad = append(s.bad, e)
	s.unreadable[k.Base()]++
	s.log.Error("an entry in Redis can't be read and is left out: remove it with XDEL", "key", e.key, "entry", e.id, "error", e.err)
}

// Unreadable counts the entries that were left out since the store was opened, because they can't be read. Of more than
// 100 at once it counts 100.
func (s *Store) Unreadable() map[markers.Kind]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.unreadable)
}

// badEntries is an error while one of the entries that were left out is still there.
func (s *Store) badEntries(ctx context.Context) error {
	s.mu.Lock()
	known := slices.Clone(s.bad)
	s.mu.Unlock()
	var left []badEntry
	for _, e := range known {
		there, err := s.client.XRangeN(ctx, e.key, e.id, e.id, 1).Result()
		if err != nil {
			return s.failed(ctx, "read", err)
		}
		if len(there) > 0 {
			left = append(left, e)
			continue
		}
		s.mu.Lock()
		s.bad = slices.DeleteFunc(s.bad, e.is)
		s.mu.Unlock()
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
