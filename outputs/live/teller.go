package live

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// burst is how many lines may follow each other at once: absent, there, lost, there again.
	burst = 4
	// slowest is how many times the first distance between further lines the last is: an hour for a minute.
	slowest = 60
	// calm is how many times that distance nothing must change for all to be new again.
	calm = 10
)

// teller logs what becomes of something that is tried again and again: a line when its state changes or fails for another
// reason, not a line with each attempt. Of a target that comes and goes it tells a few changes, then fewer and fewer.
type teller struct {
	logger *slog.Logger
	now    func() time.Time
	quiet  time.Duration // the first distance between lines after a burst

	mu       sync.Mutex
	told     string        // the state or cause that was told last
	changed  time.Time     // when there was last something else to tell
	lines    int           // told since things were calm
	last     time.Time     // when the last of them was
	wait     time.Duration // from there to the next, after a burst
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
		t.later = time.AfterFunc(t.wait-t.now().Sub(t.last), func() {
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
	now := t.now()
	if t.lines == 0 || now.Sub(t.changed) >= calm*t.quiet {
		t.lines, t.wait = 0, t.quiet
	}
	t.changed = now
	if t.lines >= burst {
		if now.Sub(t.last) < t.wait {
			return false
		}
		t.wait = min(2*t.wait, slowest*t.quiet)
	}
	t.told, t.last = about, now
	t.lines++
	return true
}
