package replay

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/refstream/refstream/internal/pause"
	"github.com/refstream/refstream/media"
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

// seek moves the clock to a time of the recording, whether it runs or not.
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

func (c *clock) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.start.IsZero() {
		c.start = c.now()
		close(c.started)
	}
}

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
	return pause.For(ctx, c.speed.real(d))
}

// ErrRebased is the error of Seek with Options.Rebase.
var ErrRebased = errors.New("the dates are moved so that the live edge is now, which it is at one place only: replay it without --rebase")

// Seek moves the clock to a time of the recording, from 0 to before its end, for later requests; answers in progress are not
// changed. A loop is in its first pass then. If Run has reached the end, Done stays closed. The error reports that there is no
// such time, or is ErrRebased.
func (s *Server) Seek(at time.Duration) error {
	if s.o.Rebase {
		return ErrRebased
	}
	if length := s.index.timeline.Length; at < 0 || at >= length {
		return fmt.Errorf("%v is not in the recording: give a time from 0 s to before its end, %v", at, length)
	}
	s.clock.seek(at)
	return nil
}

func (s *Server) untilEnd(ctx context.Context) error {
	for {
		moved := s.clock.movedAfter()
		left := s.index.timeline.Length - s.clock.at()
		if left <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(s.o.Speed.real(left))
		select {
		case <-timer.C:
		case <-moved:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

const (
	maxSpeedTerm   = 1000 // bounds both terms of a speed: a thousand times as fast or slow is beyond what a player follows
	maxSpeedDigits = 3    // how many decimals of a speed make a denominator within that
)

// Speed is how much time of the recording passes in a time: Num/Den, both from 1 to 1000.
type Speed struct {
	Num, Den int64
}

// ParseSpeed reads "2", "0.5" or "3/4".
func ParseSpeed(text string) (Speed, error) {
	_, decimals, _ := strings.Cut(text, ".")
	if len(strings.TrimRight(decimals, "0")) > maxSpeedDigits {
		return Speed{}, fmt.Errorf("parse speed: %q has more than %d decimals", text, maxSpeedDigits)
	}
	r, ok := new(big.Rat).SetString(text) // in the least terms: 1.500 is within the bounds as well
	if !ok || strings.Trim(text, "+-0123456789./") != "" || !r.Num().IsInt64() || !r.Denom().IsInt64() {
		return Speed{}, fmt.Errorf("parse speed: %q is no number such as 2, 0.5 or 3/4", text)
	}
	s := Speed{r.Num().Int64(), r.Denom().Int64()}
	return s, s.check()
}

// String is as ParseSpeed reads it.
func (s Speed) String() string {
	if s.Den == 1 {
		return strconv.FormatInt(s.Num, 10)
	}
	return fmt.Sprintf("%d/%d", s.Num, s.Den)
}

func (s Speed) check() error {
	if min(s.Num, s.Den) < 1 || max(s.Num, s.Den) > maxSpeedTerm {
		return fmt.Errorf("the speed %s is out of range: give one from 1/%d to %d", s, maxSpeedTerm, maxSpeedTerm)
	}
	return nil
}

// recorded is the time of the recording that passes in d.
func (s Speed) recorded(d time.Duration) time.Duration { return scale(d, s.Num, s.Den) }

// real is how long d of the recording takes.
func (s Speed) real(d time.Duration) time.Duration { return scale(d, s.Den, s.Num) }

// scale is d*num/den, rounded down, or the largest duration.
func scale(d time.Duration, num, den int64) time.Duration {
	return time.Duration(media.MulDivFloor(int64(d), num, den))
}
