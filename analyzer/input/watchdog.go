package input

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrStalled is in the error of a connection that was given up because nothing came.
var ErrStalled = errors.New("stalled")

// Watchdog gives a connection up when nothing comes for too long: it ends the context that the connection lives in.
// Only the time spent waiting counts, not that in which what came is worked on.
type Watchdog struct {
	Ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

// NewWatchdog makes a watchdog that is waiting. Its context ends with ctx at the latest; close must be called.
func NewWatchdog(ctx context.Context, limit time.Duration) *Watchdog {
	w := &Watchdog{limit: limit}
	w.Ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(fmt.Errorf("%w: nothing came for %v", ErrStalled, limit)) })
	return w
}

// Waiting says that something is waited for from now on.
func (w *Watchdog) Waiting() { w.timer.Reset(w.limit) }

// Working says that nothing is waited for.
func (w *Watchdog) Working() { w.timer.Stop() }

// Close ends the context.
func (w *Watchdog) Close() {
	w.timer.Stop()
	w.cancel(nil)
}

// Explain is why a connection failed: that it was given up, if so, else err.
func (w *Watchdog) Explain(err error) error {
	if cause := context.Cause(w.Ctx); cause != nil && errors.Is(cause, ErrStalled) {
		return cause
	}
	return err
}

type watchedReader struct {
	w *Watchdog
	r io.Reader
}

// Read reads once.
func (r *watchedReader) Read(b []byte) (int, error) {
	r.w.Waiting()
	n, err := r.r.Read(b)
	r.w.Working()
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.w.Explain(cmp.Or(r.w.Ctx.Err(), err))
	}
	return n, err
}

// Wait waits for so long, or until ctx is done, whose error it then returns.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
