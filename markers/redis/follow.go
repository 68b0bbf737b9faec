package redis

import (
	"context"
	"errors"
	"fmt"
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
// when Redis fails. The store's mu protects it.
type follower struct {
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
	// Join first and look then: what follows the look is seen by the follower.
	f, changed, err := s.join(key)
	if err != nil {
		return err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f.waiting--
	}()
	id, err := newest(ctx, s.client, key)
	err = s.failed(ctx, waitFor, err)
	for err == nil && id.Compare(after) <= 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			s.mu.Lock()
			id, changed, err = f.newest, f.changed, f.err
			s.mu.Unlock()
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
		s.group.Go(func() { s.follow(key, f) })
	}
	f.waiting++
	return f, f.changed, nil
}

// follow runs a follower until it ends.
func (s *Store) follow(key string, f *follower) {
	var cursor markers.ID
	var err error
	for idle := true; ; {
		if idle {
			cursor, err = newest(s.ctx, s.blocking, key)
		}
		if err == nil {
			s.publish(f, cursor, nil)
			cursor, idle, err = s.readNext(key, cursor)
		}
		s.mu.Lock()
		over := err != nil || idle && f.waiting == 0
		if over {
			delete(s.followers, key) // those who come from now on start a new one
		}
		s.mu.Unlock()
		if over {
			s.publish(f, cursor, s.failed(context.Background(), waitFor, err))
			return
		}
	}
}

// publish wakes those who wait, where there is something new.
func (s *Store) publish(f *follower, newest markers.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if newest != f.newest || err != nil {
		f.newest, f.err = newest, err
		close(f.changed)
		f.changed = make(chan struct{})
	}
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
	if err != nil || len(streams) == 0 || len(streams[0].Messages) == 0 {
		return cursor, false, err
	}
	messages := streams[0].Messages
	cursor, err = markers.ParseID(messages[len(messages)-1].ID)
	return cursor, false, err
}
