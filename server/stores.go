package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/markers/journal"
	"github.com/refstream/refstream/markers/mirror"
	"github.com/refstream/refstream/markers/redis"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
)

// redisStart bounds the first contact with Redis, drainLimit the wait for the last records to reach it at a stop.
const (
	redisStart = 5 * time.Second
	drainLimit = time.Second
)

// stores are the places that a process keeps its records in: a journal, a Redis, or both with one copied to the other.
type stores struct {
	data    string
	journal *journal.Journal
	redis   *redis.Store
	mirror  *mirror.Mirror
}

// openStores opens what the configuration asks for. It writes nothing until Redis, where there is one, has answered.
func (c *Config) openStores(ctx context.Context) (*stores, error) {
	st, logger := &stores{data: c.Data}, c.Logger
	var err error
	if c.Redis != "" {
		first, cancel := context.WithTimeout(ctx, redisStart)
		defer cancel()
		st.redis, err = redis.Open(first, redis.Options{URL: c.Redis, Logger: logger})
		if errors.Is(err, redis.ErrRefused) {
			return nil, fmt.Errorf("--redis: %w", err)
		}
		if errors.Is(err, markers.ErrUnavailable) {
			return nil, fmt.Errorf("--redis: %w: start it, or leave --redis out", err)
		}
		if err != nil {
			return nil, fmt.Errorf("--redis: %w: check the address, the password and the database", err)
		}
	}
	if c.Role == API {
		return st, nil
	}
	o := journal.Options{Dir: c.Data, Channels: []string{}, Reset: c.Reset, Logger: logger}
	if st.journal, err = journal.Open(o); err != nil {
		return nil, errors.Join(fmt.Errorf("--data: %w", err), st.close())
	}
	if st.redis != nil {
		st.mirror = mirror.New(st.journal, st.redis, mirror.Options{Logger: logger})
	}
	return st, nil
}

// openChannel opens what the stores have of a channel.
func (c *Config) openChannel(ctx context.Context, st *stores) (reached *journal.Reached, err error) {
	channel := c.Stream.Name
	if err := st.journal.Add(channel); err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	// The journal's lock keeps other processes away from here on.
	if c.Reset {
		if err := c.resetPublished(ctx, st, channel); err != nil {
			return nil, fmt.Errorf("--reset: %w", err)
		}
	}
	if reached, err = journal.OpenReached(c.Data, channel); errors.Is(err, syscall.ENOSPC) {
		c.Logger.Warn("the disk is full: a start after a kill may not know what was sent meanwhile", "error", err)
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	return reached, nil
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
func (c *channel) enter(ctx context.Context) (markers.Channel, error) {
	cfg, st := &c.cfg, c.stores
	old, err := st.journal.Channel(ctx, cfg.Stream.Name)
	known := err == nil
	if err != nil && !errors.Is(err, markers.ErrNotFound) {
		return old, fmt.Errorf("read channel: %w", err)
	}
	if known {
		cfg.adopt(old)
	}
	info, err := cfg.channel(time.Now().Add(startLead))
	if err != nil {
		return info, err
	}
	if info.Bitrate = cfg.Encoding.Bitrate; cfg.Encoding.RateControl == CBR {
		info.RateControl = CBR
	}
	if cfg.Container != string(packager.TS) {
		info.Container = cfg.Container
	}
	info.DASH = cfg.DASH
	info.KeepMarkers = media.Seconds(max(cfg.KeepMarkers, time.Duration(info.Rate.Nanos(info.Window*info.FramesPerSegment))))
	if info.Generator = old.Generator; info.Generator == "" {
		if info.Generator, err = newGenerator(); err != nil {
			return info, err
		}
	}
	if known {
		info.Run = old.Run + 1
		if err := differs(info, old, "data directory "+st.data); err != nil {
			return info, err
		}
	}
	if err := st.fits(ctx, info, known); err != nil {
		return info, err
	}
	if st.redis != nil {
		remote, err := st.redis.Channel(ctx, info.Name)
		if err == nil {
			err = differs(info, remote, "Redis")
		}
		if err != nil && !errors.Is(err, markers.ErrNotFound) {
			return info, err
		}
	}
	if st.mirror != nil {
		if _, err := st.mirror.Restore(ctx, info.Name); err != nil {
			return info, fmt.Errorf("--redis: %w", err)
		}
	}
	return info, nil
}

// fits is an error when the newest frame that the journal holds was not made by the channel c: then the description of
// the channel was lost or changed, and going on would give old pictures new times.
func (st *stores) fits(ctx context.Context, c markers.Channel, known bool) error {
	newest, err := st.journal.Frames(ctx, c.Name, markers.Range{Limit: 1, Desc: true})
	if err != nil {
		return fmt.Errorf("read newest frame: %w", err)
	}
	for _, f := range newest {
		if k := c.Clock(); !known || k.PTS(f.Frame) != f.PTS || !k.UTC(f.Frame).Equal(f.UTC) || k.MSN(f.Frame) != f.MSN {
			return fmt.Errorf("data directory %s: %s is missing or not the one that its journal was made with: "+
				"put it back from a copy, or empty the channel with --reset", st.data, filepath.Join(c.Name, "channel.json"))
		}
	}
	return nil
}

// resetPublished removes what the journal's reset leaves: the published files and the records in Redis.
func (c *Config) resetPublished(ctx context.Context, st *stores, channel string) error {
	if err := packager.Reset(c.hlsDir(channel)); err != nil {
		return err
	}
	if st.redis != nil {
		return st.redis.Delete(ctx, channel)
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
		return errors.Join(append(errs, st.mirror.Close())...) // closes both
	}
	if st.journal != nil {
		errs = append(errs, st.journal.Close())
	}
	if st.redis != nil {
		errs = append(errs, st.redis.Close())
	}
	return errors.Join(errs...)
}
