package replay

import (
	"context"
	"sync"
	"time"
)

// clock maps the time to that of the recording.
type clock struct {
	now   func() time.Time
	speed Speed

	mu      sync.Mutex
	started chan struct{} // closed at the start
	start   time.Time     // zero before
	offset  time.Duration // where it was at the start
	moved   chan struct{} // closed at the next seek
}

func newClock(o Options, offset time.Duration) *clock {
	return &clock{now: o.Now, offset: offset, speed: o.Speed, started: make(chan struct{}), moved: make(chan struct{})}
}

// seek has it go on from a time of the recording, or stand there until it starts.
func (c *clock) seek(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = at
	if !c.start.IsZero() {
		c.start = c.now()
	}
	close(c.moved)
	c.moved = make(chan struct{})
}

// movedAfter is closed at the first seek after the call.
func (c *clock) movedAfter() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.start.IsZero() {
		return c.offset
	}
	return c.offset + c.speed.recorded(c.now().Sub(c.start))
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
