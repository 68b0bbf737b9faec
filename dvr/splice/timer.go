package splice

import "time"

// timer ticks once, a time after its first start.
type timer struct{ t *time.Timer }

// start starts the timer, if that is not done.
func (t *timer) start(after time.Duration) {
	if t.t == nil {
		t.t = time.NewTimer(after)
	}
}

// ticks is the channel that it ticks on, nil before it is started.
func (t *timer) ticks() <-chan time.Time {
	if t.t == nil {
		return nil
	}
	return t.t.C
}

// stop ends it; it may be started again.
func (t *timer) stop() {
	if t.t != nil {
		t.t.Stop()
		t.t = nil
	}
}
