package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/refstream/refstream/markers"
)

// memoryStore is a Store in memory that can be told to fail.
type memoryStore struct {
	markers.Reader
	mu       sync.Mutex
	channels map[string]markers.Channel
	logs     map[string]map[markers.Kind]*memoryLog
	changed  chan struct{}
	fail     error
	ready    error
	// beforeAppend is called, without the lock, before each Append.
	beforeAppend func()
	reads        int
}

type memoryLog struct {
	kind    markers.Kind
	records []markers.Record
	last    markers.ID
}

func (l *memoryLog) append(records []markers.Record) error {
	fresh, late, _ := l.kind.Admit(records, l.last, func(r markers.Range) ([]markers.Record, error) { return l.read(r), nil })
	if l.records = append(l.records, fresh...); len(fresh) > 0 {
		l.last = fresh[len(fresh)-1].RecordID()
	}
	return late
}

func (l *memoryLog) read(r markers.Range) []markers.Record {
	var out []markers.Record
	for _, rec := range l.records {
		id := rec.RecordID()
		if id.Compare(r.From) >= 0 && (r.To == markers.ID{} || id.Compare(r.To) <= 0) {
			out = append(out, rec)
		}
	}
	if r.Desc {
		slices.Reverse(out)
	}
	if r.Limit > 0 && len(out) > r.Limit {
		out = out[:r.Limit]
	}
	return out
}

func (l *memoryLog) trim(before markers.ID) {
	l.records = slices.DeleteFunc(l.records, func(r markers.Record) bool { return r.RecordID().Compare(before) < 0 })
}

func newMemoryStore() *memoryStore {
	s := &memoryStore{
		channels: map[string]markers.Channel{}, logs: map[string]map[markers.Kind]*memoryLog{}, changed: make(chan struct{}),
	}
	s.Reader = func(_ context.Context, channel string, k markers.Kind, r markers.Range) ([]markers.Record, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reads++
		if s.fail != nil {
			return nil, s.fail
		}
		return s.log(channel, k).read(r), nil
	}
	return s
}

// setFail makes every method fail, or none where err is nil.
func (s *memoryStore) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *memoryStore) log(channel string, k markers.Kind) *memoryLog {
	if s.logs[channel] == nil {
		s.logs[channel] = map[markers.Kind]*memoryLog{}
	}
	if s.logs[channel][k] == nil {
		s.logs[channel][k] = &memoryLog{kind: k}
	}
	return s.logs[channel][k]
}

func (s *memoryStore) PutChannel(_ context.Context, c markers.Channel) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[c.Name] = c
	return s.fail
}

func (s *memoryStore) Channel(_ context.Context, name string) (markers.Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.channels[name]
	if s.fail == nil && !ok {
		return c, fmt.Errorf("read channel %s: %w", name, markers.ErrNotFound)
	}
	return c, s.fail
}

func (s *memoryStore) Channels(context.Context) ([]markers.Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []markers.Channel
	for _, c := range s.channels {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b markers.Channel) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
	return out, s.fail
}

func (s *memoryStore) Append(_ context.Context, channel string, b markers.Batch) error {
	if s.beforeAppend != nil {
		s.beforeAppend()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	var late error
	for _, k := range b.Kinds() {
		late = errors.Join(late, s.log(channel, k).append(b.Records(k)))
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return late
}

func (s *memoryStore) Kinds(context.Context, string) ([]markers.Kind, error) {
	return markers.Kinds(), nil
}

func (s *memoryStore) Last(_ context.Context, c string, k markers.Kind) (markers.ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log(c, k).last, s.fail
}

func (s *memoryStore) Wait(ctx context.Context, c string, k markers.Kind, after markers.ID) error {
	for {
		s.mu.Lock()
		last, changed, err := s.log(c, k).last, s.changed, s.fail
		s.mu.Unlock()
		if err != nil || last.Compare(after) > 0 {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *memoryStore) Trim(_ context.Context, c string, _ markers.Kind, before markers.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log(c, markers.Markers).trim(before)
	return s.fail
}

func (s *memoryStore) Ready(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

func (s *memoryStore) Close() error { return nil }
