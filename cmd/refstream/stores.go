package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/redis"
)

// redisStart bounds the first contact with Redis, drainLimit the wait for the last records to reach it at a stop.
const (
	redisStart = 5 * time.Second
	drainLimit = time.Second
)

// stores are the places that a process keeps its records in: a journal, a Redis, or both with one copied to the other.
type stores struct {
	data    string
	journal *markers.Journal
	redis   *redis.Store
	mirror  *markers.Mirror
}

// openStores opens what the flags ask for. It writes nothing until Redis, where there is one, has answered.
func (s *serveFlags) openStores(ctx context.Context, channel string, logger *slog.Logger) (*stores, error) {
	st := &stores{data: s.data}
	var err error
	if s.redis != "" {
		if st.redis, err = redis.New(redis.Options{URL: s.redis}); err != nil {
			return nil, fmt.Errorf("--redis: %w", err)
		}
		first, cancel := context.WithTimeout(ctx, redisStart)
		defer cancel()
		if err = st.redis.Ready(first); err != nil {
			return nil, errors.Join(fmt.Errorf("--redis: %w: start it, or leave --redis out", err), st.redis.Close())
		}
	}
	if s.role == roleAPI {
		return st, nil
	}
	if s.reset {
		if err := st.empty(ctx, channel); err != nil {
			return nil, errors.Join(err, st.close())
		}
	}
	if st.journal, err = markers.OpenJournal(markers.JournalOptions{Dir: s.data, Channels: []string{channel}, Logger: logger}); err != nil {
		return nil, errors.Join(fmt.Errorf("--data: %w", err), st.close())
	}
	if st.redis != nil {
		st.mirror = markers.NewMirror(st.journal, st.redis, markers.MirrorOptions{Logger: logger})
	}
	return st, nil
}

// main is the store that the process reads and writes.
func (st *stores) main() markers.Store {
	switch {
	case st.mirror != nil:
		return st.mirror
	case st.journal != nil:
		return st.journal
	}
	return st.redis
}

// enter goes on with the channel that the stores hold, or begins it, and counts the run.
func (s *serveFlags) enter(ctx context.Context, st *stores, given func(string) bool) (markers.Channel, error) {
	old, err := st.journal.Channel(ctx, s.channel)
	known := err == nil
	if err != nil && !errors.Is(err, markers.ErrNotFound) {
		return old, fmt.Errorf("read channel: %w", err)
	}
	if known {
		s.adopt(old, given)
	}
	c, err := s.channelInfo(time.Now().Add(startLead))
	if err != nil {
		return c, err
	}
	if known {
		c.Run = old.Run + 1
		if err := differs(c, old, "data directory "+st.data); err != nil {
			return c, err
		}
	}
	if st.redis != nil {
		remote, err := st.redis.Channel(ctx, c.Name)
		if err == nil {
			err = differs(c, remote, "Redis")
		}
		if err != nil && !errors.Is(err, markers.ErrNotFound) {
			return c, err
		}
	}
	if err := st.main().PutChannel(ctx, c); err != nil {
		return c, fmt.Errorf("write channel: %w", err)
	}
	return c, nil
}

// empty removes a channel's records and segments, and nothing else that may lie in the data directory.
func (st *stores) empty(ctx context.Context, channel string) error {
	dir := filepath.Join(st.data, channel)
	for _, name := range []string{"hls", "journal", "channel.json"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("--reset: %w", err)
		}
	}
	if st.redis != nil {
		if err := st.redis.Delete(ctx, channel); err != nil {
			return fmt.Errorf("--reset: %w", err)
		}
	}
	return nil
}

// drain waits a moment for the records that Redis has not got yet; what it does not get now it gets after the next
// start, from the journal.
func (st *stores) drain() {
	if st.mirror == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	st.mirror.Flush(ctx)
}

func (st *stores) close() error {
	var errs []error
	if st.mirror != nil {
		return st.mirror.Close() // closes both
	}
	if st.journal != nil {
		errs = append(errs, st.journal.Close())
	}
	if st.redis != nil {
		errs = append(errs, st.redis.Close())
	}
	return errors.Join(errs...)
}
