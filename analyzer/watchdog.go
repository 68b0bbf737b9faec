package analyzer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// errStalled is in the error of a connection that was given up because nothing came.
var errStalled = errors.New("stalled")

// watchdog gives a connection up when nothing comes for too long: it ends the context that the connection lives in.
// Only the time spent waiting counts, not that in which what came is worked on.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

// newWatchdog makes a watchdog that is waiting. Its context ends with ctx at the latest; close must be called.
func newWatchdog(ctx context.Context, limit time.Duration) *watchdog {
	w := &watchdog{limit: limit}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(fmt.Errorf("%w: nothing came for %v", errStalled, limit)) })
	return w
}

func (w *watchdog) waiting() { w.timer.Reset(w.limit) }

func (w *watchdog) working() { w.timer.Stop() }

func (w *watchdog) close() {
	w.timer.Stop()
	w.cancel(nil)
}

// explain is why a connection failed: that it was given up, if so, else err.
func (w *watchdog) explain(err error) error {
	if cause := context.Cause(w.ctx); cause != nil && errors.Is(cause, errStalled) {
		return cause
	}
	return err
}

// reader makes a Reader that is watched.
func (w *watchdog) reader(r io.Reader) io.Reader { return &watchedReader{w, r} }

type watchedReader struct {
	w *watchdog
	r io.Reader
}

// Read reads once.
func (r *watchedReader) Read(b []byte) (int, error) {
	r.w.waiting()
	n, err := r.r.Read(b)
	r.w.working()
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.w.explain(err)
	}
	return n, err
}

// wait waits for so long, or until ctx is done, whose error it then returns.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
