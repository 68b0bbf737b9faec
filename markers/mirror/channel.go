package mirror

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/refstream/refstream/markers"
)

// channel is what the mirror knows of one channel.
type channel struct {
	m      *Mirror
	name   string
	logs   map[markers.Kind]*channelLog // Mirror.mu protects it
	kicked chan struct{}                // holds one when the description changed

	base int64 // the newest local frame when Run began, set by start

	describing sync.Mutex // held while the description is compared and copied, which can take long

	mu      sync.Mutex
	put     bool  // the description is to be written, whatever the remote store has
	known   bool  // the remote store has it
	version int64 // counts what makes known false
}

func newChannel(m *Mirror, name string) *channel {
	c := &channel{m: m, name: name, logs: map[markers.Kind]*channelLog{}, kicked: make(chan struct{}, 1), put: true}
	kinds, _ := m.local.Kinds(m.ctx, name) // the local store has no reason to fail
	for _, k := range kinds {
		c.logs[k] = &channelLog{channel: c, kind: k}
	}
	return c
}

// start runs the channel's copiers until ctx ends.
func (c *channel) start(ctx context.Context) {
	c.base, _ = c.newest(ctx) // the local store has no reason to fail
	c.m.group.Go(func() { c.repeat(ctx, c, c.copyDescription) })
	for _, l := range c.logs {
		l.start(ctx)
	}
	t := &triggerTaker{channel: c}
	c.m.group.Go(func() { c.repeat(ctx, t, t.take) })
}

// repeat calls step until ctx ends, at once after a success and ever later while it fails.
func (c *channel) repeat(ctx context.Context, copier any, step func(context.Context) error) {
	defer c.m.retire(copier)
	backoff := firstBackoff
	for {
		err := step(ctx)
		if ctx.Err() != nil {
			return
		}
		c.m.report(copier, err)
		if err == nil {
			backoff = firstBackoff
			continue
		}
		c.forget()
		select {
		case <-time.After(backoff):
			backoff = min(2*backoff, lastBackoff)
		case <-ctx.Done():
			return
		}
	}
}

// kick has the description written again.
func (c *channel) kick() {
	c.mu.Lock()
	c.put, c.known, c.version = true, false, c.version+1
	c.mu.Unlock()
	select {
	case c.kicked <- struct{}{}:
	default:
	}
}

// forget has the remote description looked at again.
func (c *channel) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.version = false, c.version+1
}

// copyDescription keeps the description in the remote store, and looks whether all is well there.
func (c *channel) copyDescription(ctx context.Context) error {
	if err := c.describe(ctx); err != nil {
		return err
	}
	if err := c.m.remote.Ready(ctx); err != nil {
		return err
	}
	select {
	case <-c.kicked:
	case <-time.After(mirrorCheck):
		c.forget()
	case <-ctx.Done():
	}
	return nil
}

// describe sees that the remote store has the channel's description, and that it describes the same stream.
func (c *channel) describe(ctx context.Context) error {
	if known, _, _ := c.state(); known {
		return nil
	}
	c.describing.Lock()
	defer c.describing.Unlock()
	known, put, version := c.state()
	if known {
		return nil
	}
	ours, err := c.m.local.Channel(ctx, c.name)
	if errors.Is(err, markers.ErrNotFound) {
		return nil // nothing to compare with
	}
	if err != nil {
		return err
	}
	theirs, err := c.m.remote.Channel(ctx, c.name)
	absent := errors.Is(err, markers.ErrNotFound)
	if err != nil && !absent {
		return err
	}
	if !absent && !ours.SameStream(theirs) {
		return fmt.Errorf("remote store holds another stream under this name: channel %s there has epoch %s and seed %d, here %s and %d: use another channel name or "+
			"database, or delete it there", c.name, theirs.Epoch.Format(time.RFC3339Nano), theirs.Seed,
			ours.Epoch.Format(time.RFC3339Nano), ours.Seed)
	}
	if absent || put {
		if err := c.m.remote.PutChannel(ctx, ours); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version == version {
		c.put, c.known = false, true
	}
	return nil
}

func (c *channel) state() (known, put bool, version int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known, c.put, c.version
}
