package journal

import (
	"context"
	"errors"
	"slices"
	"sort"
	"sync"

	"github.com/refstream/refstream/markers"
)

// errClosed is what a store says once it was closed. Nobody branches on it.
var errClosed = errors.New("store is closed")

// memLog is the part of one log that is kept in memory: records in the order of their IDs.
type memLog struct {
	mu      sync.RWMutex
	recs    []markers.Record
	newest  markers.ID    // of all records that ever were in the log
	changed chan struct{} // closed and replaced when records are added
}

// add puts records that Admit returned at the end and wakes those who wait.
func (l *memLog) add(fresh []markers.Record) {
	if len(fresh) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recs = append(l.recs, fresh...)
	l.newest = fresh[len(fresh)-1].RecordID()
	close(l.changed)
	l.changed = make(chan struct{})
}

// trim forgets the records before the given ID.
func (l *memLog) trim(before markers.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.search(before)
	clear(l.recs[:n]) // lets go of the strings; the array itself goes when append next needs a larger one
	l.recs = l.recs[n:]
}

// search is the index of the first record at or after id.
func (l *memLog) search(id markers.ID) int {
	return sort.Search(len(l.recs), func(i int) bool { return l.recs[i].RecordID().Compare(id) >= 0 })
}

// bounds is the half-open interval of indices that a range's IDs select.
func (l *memLog) bounds(r markers.Range) (from, to int) {
	from, to = l.search(r.From), len(l.recs)
	if r.To != (markers.ID{}) && r.To != markers.MaxID {
		to = l.search(r.To.Next())
	}
	return from, max(from, to)
}

func (l *memLog) count(r markers.Range) int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	from, to := l.bounds(r)
	return int64(to - from)
}

func (l *memLog) read(r markers.Range) []markers.Record {
	l.mu.RLock()
	defer l.mu.RUnlock()
	from, to := l.bounds(r)
	if r.Limit > 0 && to-from > r.Limit {
		if r.Desc {
			from = to - r.Limit
		} else {
			to = from + r.Limit
		}
	}
	out := slices.Clone(l.recs[from:to])
	if r.Desc {
		slices.Reverse(out)
	}
	return out
}

func (l *memLog) last() markers.ID {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.newest
}

// wait returns nil when the log holds a record after the given ID, and an error when ctx or done ends first.
func (l *memLog) wait(ctx context.Context, done <-chan struct{}, after markers.ID) error {
	for {
		l.mu.RLock()
		holds, changed := len(l.recs) > 0 && l.newest.Compare(after) > 0, l.changed
		l.mu.RUnlock()
		if holds {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return errClosed
		}
	}
}
