package redis

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/refstream/refstream/markers"
)

const (
	// slice is how long one XREAD waits. After it the follower looks whether anybody still waits, and whether the stream
	// began anew.
	slice = time.Second
	// readAhead is the number of entries that a follower takes at once to find the newest.
	readAhead = 100
	waitFor   = "wait for records in"
)

// follower waits for the entries of one stream, for all who wait on it. It ends when for a slice of time nobody did, and
// when Redis fails.
type follower struct {
	mu      sync.Mutex
	waiting int
	newest  markers.ID
	err     error         // why it ended
	changed chan struct{} // closed when newest or err changes, and replaced
}

// Wait waits for a record after the given ID. It returns an error that wraps markers.ErrUnavailable as soon as Redis is
// found to be away, at once when it was before: the caller has to take its time before it calls again.
func (s *Store) Wait(ctx context.Context, channel string, k markers.Kind, after markers.ID) error {
	if err := k.Check(); err != nil {
		return fmt.Errorf("wait for records: %w", err)
	}
	key := streamKey(channel, k)
	// Join first and look then: what comes after the look is seen by the follower.
	f, changed, err := s.join(key)
	if err != nil {
		return err
	}
	defer f.leave()
	id, err := newest(ctx, s.client, key)
	err = s.failed(ctx, waitFor, err)
	for err == nil && id.Compare(after) <= 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			id, changed, err = f.state()
		}
	}
	if err != nil && ended(ctx, err) {
		return ctx.Err()
	}
	return err
}

// join finds the follower of a stream, or starts it, and keeps it running.
func (s *Store) join(key string) (*follower, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, fmt.Errorf("%s redis at %s: store is closed", waitFor, s.addr)
	}
	f := s.followers[key]
	if f == nil {
		f = &follower{changed: make(chan struct{})}
		s.followers[key] = f
		s.group.Add(1)
		go func() {
			defer s.group.Done()
			s.follow(key, f)
		}()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting++
	return f, f.changed, nil
}

// follow runs a follower until it ends.
func (s *Store) follow(key string, f *follower) {
	var cursor markers.ID
	var err error
	for look := true; err == nil; {
		if look {
			cursor, err = newest(s.ctx, s.blocking, key)
			if err != nil {
				break
			}
			f.publish(cursor)
		}
		cursor, look, err = s.readNext(key, cursor)
		if err == nil && !look {
			f.publish(cursor)
		}
		if look && s.retire(key, f) {
			return
		}
	}
	// Those who come from now on start a new one; those who wait are told.
	s.mu.Lock()
	delete(s.followers, key)
	s.mu.Unlock()
	f.fail(s.failed(context.Background(), waitFor, err)) // once for all of them
}

// readNext waits for entries after the cursor, and reports when none came for a slice of time.
func (s *Store) readNext(key string, cursor markers.ID) (next markers.ID, idle bool, err error) {
	// The library adds ten seconds to the time that Redis may take; the deadline takes most of them off again.
	ctx, cancel := context.WithTimeout(s.ctx, slice+replyTimeout)
	defer cancel()
	streams, err := s.blocking.XRead(ctx, &redis.XReadArgs{
		Streams: []string{key, cursor.String()}, Count: readAhead, Block: slice,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return cursor, true, nil
	}
	if err != nil {
		return cursor, false, err
	}
	for _, st := range streams {
		for _, m := range st.Messages {
			if cursor, err = markers.ParseID(m.ID); err != nil {
				return cursor, false, err
			}
		}
	}
	return cursor, false, nil
}

// retire takes a follower that nobody waits on out of the list.
func (s *Store) retire(key string, f *follower) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting > 0 {
		return false
	}
	delete(s.followers, key)
	return true
}

func (f *follower) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting--
}

func (f *follower) state() (markers.ID, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.newest, f.changed, f.err
}

func (f *follower) publish(id markers.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if id != f.newest {
		f.newest = id
		f.wake()
	}
}

func (f *follower) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	f.wake()
}

func (f *follower) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}
