package generator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/refstream/refstream/media"
)

// maxPacedSeconds is the longest distance from the epoch that the Pacer waits for, in seconds: 126 years, well within
// the 292 years that nanoseconds in an int64 reach.
const maxPacedSeconds = 4_000_000_000

// Pacer waits for the moment at which a frame is due: epoch + n/fps, an absolute deadline, so no error adds up.
//
// It keeps its own clock: the wall clock, read once when the Pacer is made, and from there the monotonic clock. So a step of
// the wall clock neither stops the stream nor makes it jump, while slewing, which changes the monotonic clock too, is
// followed. Offset is how far the wall clock has since moved away by steps (or, on Linux, by a suspended machine, which stops
// the monotonic clock), and Resync reads the wall clock anew: after a step forward the next frames are late by the step;
// after a step back Wait sleeps it out.
//
// With a clock that has no monotonic part and steps back, the Pacer counts the sleeps that it has completed instead:
// its clock never steps back, and Wait sleeps at most once, so it can't spin.
//
// Wait and Resync belong to one goroutine at a time; Now and Offset may be called from any.
type Pacer struct {
	epoch time.Time
	rate  media.FrameRate
	now   func() time.Time
	sleep func(ctx context.Context, d time.Duration) error

	mu      sync.Mutex
	start   time.Time     // with the monotonic reading, if now gives one
	elapsed time.Duration // since start, never less than before
}

// NewPacer starts a Pacer's clock. rate must be a supported one. now is time.Now or a clock for tests; sleep returns
// nil after d, or ctx's error when ctx ends first, as pause.For does.
func NewPacer(epoch time.Time, rate media.FrameRate, now func() time.Time,
	sleep func(ctx context.Context, d time.Duration) error) (*Pacer, error) {
	if err := rate.Validate(); err != nil {
		return nil, err
	}
	return &Pacer{epoch: epoch.Round(0), rate: rate, now: now, sleep: sleep, start: now()}, nil
}

// Wait returns when frame n is due, at once if it was due before. late is how long ago that was, never negative.
// The error wraps that of sleep, so context.Canceled at a normal stop; or it states that n is negative or lies more
// than 126 years from the epoch.
func (p *Pacer) Wait(ctx context.Context, n int64) (late time.Duration, err error) {
	if n < 0 || n > MaxFrame || n*p.rate.Den/p.rate.Num > maxPacedSeconds {
		return 0, fmt.Errorf("wait for frame %d: out of range, use 0 to %d", n,
			int64(maxPacedSeconds)*p.rate.Num/p.rate.Den)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("wait for frame %d: %w", n, err)
	}
	due := p.epoch.Add(time.Duration(p.rate.Nanos(n)))
	now, elapsed := p.read()
	if d := due.Sub(now); d > 0 {
		if err := p.sleep(ctx, d); err != nil {
			return 0, fmt.Errorf("wait for frame %d: %w", n, err)
		}
		p.mu.Lock()
		p.elapsed = max(p.elapsed, elapsed+d) // others may have read the clock meanwhile
		p.mu.Unlock()
	}
	return max(0, p.Now().Sub(due)), nil
}

// Now is the time on the Pacer's clock, in UTC, without a monotonic reading.
func (p *Pacer) Now() time.Time {
	now, _ := p.read()
	return now
}

// read is the time on the Pacer's clock, and how much that is after its start.
func (p *Pacer) read() (now time.Time, elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.elapsed = max(p.elapsed, p.now().Sub(p.start))
	return p.start.Round(0).Add(p.elapsed).UTC(), p.elapsed
}

// Offset is how far the wall clock is ahead of the Pacer's clock, negative if behind: the sum of its steps since the
// Pacer was made or resynchronised.
func (p *Pacer) Offset() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	wall := p.now()
	p.elapsed = max(p.elapsed, wall.Sub(p.start))
	return wall.Round(0).Sub(p.start.Round(0).Add(p.elapsed))
}

// Resync sets the Pacer's clock by the wall clock, and returns by how much it moved.
func (p *Pacer) Resync() time.Duration {
	d := p.Offset()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.start, p.elapsed = p.now(), 0
	return d
}
