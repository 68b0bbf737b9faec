package replay

import (
	"context"
	"sync"
	"time"
)

// clock maps the time to that of the recording.
type clock struct {
	now    func() time.Time
	offset time.Duration
	speed  Speed

	mu      sync.Mutex
	started chan struct{} // closed at the start
	start   time.Time     // zero before
}

func newClock(o Options, offset time.Duration) *clock {
	return &clock{now: o.Now, offset: offset, speed: o.Speed, started: make(chan struct{})}
}

// begin starts the clock where it stands.
func (c *clock) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.start.IsZero() {
		c.start = c.now()
		close(c.started)
	}
}

// began is when it started; zero before.
func (c *clock) began() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start
}

// at is the time in the recording, beyond its end too.
func (c *clock) at() time.Duration {
	start := c.began()
	if start.IsZero() {
		return c.offset
	}
	return c.offset + c.speed.recorded(c.now().Sub(start))
}

// wait waits for d of the recording, or until ctx is done.
func (c *clock) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(c.speed.real(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
