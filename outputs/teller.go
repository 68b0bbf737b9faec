package outputs

import (
	"log/slog"
	"sync"
	"time"

	"github.com/refstream/refstream/internal/quietlog"
)

// teller logs what becomes of something that is tried again and again: a line when its state changes or fails for another
// reason, not a line with each attempt. Of a target that comes and goes it tells a few changes, then fewer and fewer.
type teller struct {
	logger *slog.Logger
	now    func() time.Time

	mu       sync.Mutex
	pace     quietlog.Pace // of what differs from what was told last
	told     string        // the state or cause that was told last
	failures int           // since the last line that said that it works
	// later tells that it works when that could not be told at once.
	later *time.Timer
}

// failed takes note of a failure. delay is the time to the next attempt.
func (t *teller) failed(cause string, delay time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures++
	if t.due(cause) {
		t.logger.Warn("the output fails and is tried again", "error", cause, "failures", t.failures, "next_in", delay)
	}
}

// flows takes note that the stream flows, until stop.
func (t *teller) flows(state string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tellFlow(state)
	if t.told != state {
		t.later = time.AfterFunc(t.pace.Left(t.now()), func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			if t.later != nil {
				t.tellFlow(state)
			}
		})
	}
}

// stop takes note that an attempt has ended.
func (t *teller) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.later != nil {
		t.later.Stop()
		t.later = nil
	}
}

func (t *teller) tellFlow(state string) {
	if t.due(state) {
		t.logger.Info("the output works", "state", state, "failures", t.failures)
		t.failures = 0
	}
}

// due says whether a line about this is to be written, and takes it to be.
func (t *teller) due(about string) bool {
	if about == t.told {
		return false
	}
	if !t.pace.Due(t.now()) {
		return false
	}
	t.told = about
	return true
}
