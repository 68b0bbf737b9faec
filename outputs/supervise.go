package outputs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/refstream/refstream/internal/quietlog"
)

// times are the delays of what is tried again.
type times struct {
	// connect bounds the making of a connection.
	connect time.Duration
	// first is the delay after a failure; it doubles with each further one up to most.
	first, most time.Duration
	// steady is how long the stream must have flowed for the next delay to be the first again.
	steady time.Duration
	// quiet is the first distance between log lines about a target that connects and fails again and again.
	quiet time.Duration
	// farewell is how long a peer gets to hang up after the end of the stream.
	farewell time.Duration
	// open is how long a relay's program may take to open its output, and unused how long it waits for somebody to connect
	// before another one takes over, 0 for Options.WriteTimeout.
	open, unused time.Duration
	// trailer is how long it may take to end its output, and kill to end after it was interrupted.
	trailer, kill time.Duration
}

// defaultTimes: a target that restarts is found within 5 s, and one that is gone for good is asked 12 times a minute. A
// target that accepts and drops the stream soon, or never reads, is not steady.
func defaultTimes() times {
	return times{
		connect: 5 * time.Second, first: 250 * time.Millisecond, most: 5 * time.Second, steady: 10 * time.Second,
		quiet: time.Minute, farewell: time.Second, open: relayOpen, trailer: relayTrailer, kill: relayKill,
	}
}

// supervise runs attempt again and again until the stream has ended, which is no error, or ctx, whose error it returns.
// o shows the state and what went wrong, and its logger logs changes.
//
// An attempt lasts as long as its connection or program. It calls up, at most once and before it returns, when the stream
// begins to flow, with the state that this is called (StateConnected or StateRunning). It returns nil if, and only if, the
// stream has ended and was handed over to its end. Its errors hold no secrets.
func (h *Hub) supervise(ctx context.Context, o *output, attempt func(ctx context.Context, up func(state string)) error) error {
	defer o.setState(StateEnded)
	t := &retryLog{logger: o.logger, now: h.o.Now, pace: quietlog.Pace{Burst: burst, Quiet: h.times.quiet}}
	delay := h.times.first
	for again := false; ; again = true {
		if again {
			o.reconnect()
		}
		o.setState(StateConnecting)
		lasted, err := h.try(ctx, o, t, attempt)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			return nil
		}
		o.failed(err, cause(err))
		o.setState(StateWaiting)
		if lasted >= h.times.steady {
			delay = h.times.first
		}
		t.failed(cause(err), delay)
		if h.closed.Err() != nil {
			return nil // there is too little left to begin again for
		}
		if !h.pause(ctx, delay) {
			return ctx.Err()
		}
		delay = min(2*delay, h.times.most)
	}
}

// pause waits. It returns false when the stream or ctx has ended meanwhile.
func (h *Hub) pause(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.closed.Done():
	case <-ctx.Done():
	}
	return false
}

// try makes one attempt, and returns for how long the stream flowed.
func (h *Hub) try(ctx context.Context, o *output, t *retryLog, attempt func(context.Context, func(string)) error) (time.Duration, error) {
	var once sync.Once
	var since time.Time
	err := attempt(ctx, func(state string) {
		once.Do(func() {
			since = h.o.Now()
			o.enter()
			o.setState(state)
			t.flows(state)
		})
	})
	t.stop()
	if since.IsZero() {
		return 0, err
	}
	o.leave()
	return h.o.Now().Sub(since), err
}

// retryLog logs what becomes of something that is tried again and again: a line when its state changes or fails for another
// reason, not a line with each attempt. Of a target that connects and fails again and again it logs a few changes, then fewer and fewer.
type retryLog struct {
	logger *slog.Logger
	now    func() time.Time

	mu       sync.Mutex
	pace     quietlog.Pace // of what differs from what was logged last
	logged   string        // the state or cause that was logged last
	failures int           // since the last line that it works
	// later logs that it works when that could not be logged at once.
	later *time.Timer
}

// failed takes note of a failure. delay is the time to the next attempt.
func (t *retryLog) failed(cause string, delay time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures++
	if t.due(cause) {
		t.logger.Warn("the output fails and is tried again", "error", cause, "failures", t.failures, "next_in", delay)
	}
}

// flows takes note that the stream flows, until stop.
func (t *retryLog) flows(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logFlow(state)
	if t.logged != state {
		t.later = time.AfterFunc(t.pace.Left(t.now()), func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.later != nil {
				t.logFlow(state)
			}
		})
	}
}

// stop takes note that an attempt has ended.
func (t *retryLog) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.later != nil {
		t.later.Stop()
		t.later = nil
	}
}

func (t *retryLog) logFlow(state string) {
	if t.due(state) {
		t.logger.Info("the output works", "state", state, "failures", t.failures)
		t.failures = 0
	}
}

// due reports whether a line about this is to be written, and takes it to be.
func (t *retryLog) due(about string) bool {
	if about == t.logged {
		return false
	}
	if !t.pace.Due(t.now()) {
		return false
	}
	t.logged = about
	return true
}
