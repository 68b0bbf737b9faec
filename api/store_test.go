package api

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/refstream/refstream/markers"
)

// memoryStore is a Store in memory that can be told to fail.
type memoryStore struct {
	mu       sync.Mutex
	channels map[string]markers.Channel
	logs     map[string]*memoryLogs
	changed  chan struct{}
	fail     error
	ready    error
	// beforeAppend is called, without the lock, before each Append.
	beforeAppend func()
	reads        int
}

type memoryLogs struct {
	frames   memoryLog[markers.FrameRecord]
	missing  memoryLog[markers.MissingRecord]
	markers  memoryLog[markers.Marker]
	segments memoryLog[markers.SegmentRecord]
	triggers memoryLog[markers.Trigger]

	detections memoryLog[markers.Detection]
}

type memoryLog[T interface{ RecordID() markers.ID }] struct {
	records []T
	last    markers.ID
}

func (l *memoryLog[T]) append(records []T) {
	for _, r := range records {
		if late, ok := any(r).(interface{ After(markers.ID) T }); ok && r.RecordID().Compare(l.last) <= 0 {
			r = late.After(l.last)
		}
		if r.RecordID().Compare(l.last) > 0 {
			l.records, l.last = append(l.records, r), r.RecordID()
		}
	}
}

func (l *memoryLog[T]) read(r markers.Range) []T {
	var out []T
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

func (l *memoryLog[T]) trim(before markers.ID) {
	l.records = slices.DeleteFunc(l.records, func(r T) bool { return r.RecordID().Compare(before) < 0 })
}

func newMemoryStore() *memoryStore {
	return &memoryStore{
		channels: map[string]markers.Channel{}, logs: map[string]*memoryLogs{}, changed: make(chan struct{}),
	}
}

// setFail makes every method fail, or none where err is nil.
func (s *memoryStore) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

func (s *memoryStore) log(channel string) *memoryLogs {
	if s.logs[channel] == nil {
		s.logs[channel] = &memoryLogs{}
	}
	return s.logs[channel]
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
	l := s.log(channel)
	l.frames.append(b.Frames)
	l.missing.append(b.Missing)
	l.markers.append(b.Markers)
	l.segments.append(b.Segments)
	l.triggers.append(b.Triggers)
	l.detections.append(b.Detections)
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func readLog[T interface{ RecordID() markers.ID }](s *memoryStore, channel string, r markers.Range,
	pick func(*memoryLogs) *memoryLog[T]) ([]T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.fail != nil {
		return nil, s.fail
	}
	return pick(s.log(channel)).read(r), nil
}

func (s *memoryStore) Frames(_ context.Context, c string, r markers.Range) ([]markers.FrameRecord, error) {
	return readLog(s, c, r, func(l *memoryLogs) *memoryLog[markers.FrameRecord] { return &l.frames })
}

func (s *memoryStore) Missing(_ context.Context, c string, r markers.Range) ([]markers.MissingRecord, error) {
	return readLog(s, c, r, func(l *memoryLogs) *memoryLog[markers.MissingRecord] { return &l.missing })
}

func (s *memoryStore) Markers(_ context.Context, c string, r markers.Range) ([]markers.Marker, error) {
	return readLog(s, c, r, func(l *memoryLogs) *memoryLog[markers.Marker] { return &l.markers })
}

func (s *memoryStore) Segments(_ context.Context, c string, r markers.Range) ([]markers.SegmentRecord, error) {
	return readLog(s, c, r, func(l *memoryLogs) *memoryLog[markers.SegmentRecord] { return &l.segments })
}

func (s *memoryStore) Triggers(_ context.Context, c string, r markers.Range) ([]markers.Trigger, error) {
	return readLog(s, c, r, func(l *memoryLogs) *memoryLog[markers.Trigger] { return &l.triggers })
}

func (s *memoryStore) Detections(_ context.Context, c string, r markers.Range) ([]markers.Detection, error) {
	return readLog(s, c, r, func(l *memoryLogs) *memoryLog[markers.Detection] { return &l.detections })
}

func (s *memoryStore) Last(_ context.Context, c string, k markers.Kind) (markers.ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last(c, k), s.fail
}

func (s *memoryStore) last(c string, k markers.Kind) markers.ID {
	l := s.log(c)
	return map[markers.Kind]markers.ID{
		markers.Frames: l.frames.last, markers.Missing: l.missing.last, markers.Markers: l.markers.last,
		markers.Segments: l.segments.last, markers.Triggers: l.triggers.last,
		markers.Detections: l.detections.last,
	}[k]
}

func (s *memoryStore) Wait(ctx context.Context, c string, k markers.Kind, after markers.ID) error {
	for {
		s.mu.Lock()
		last, changed, err := s.last(c, k), s.changed, s.fail
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
	s.log(c).markers.trim(before)
	return s.fail
}

func (s *memoryStore) Ready(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready
}

func (s *memoryStore) Close() error { return nil }
