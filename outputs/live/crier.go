package live

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// crier logs what happens to an output's consumers, of whom there may be any number: of each sort of event a few lines,
// then now and then one with the count of those before it that were not told.
type crier struct {
	logger *slog.Logger
	now    func() time.Time
	quiet  time.Duration // the first distance between lines of one sort after the first few

	mu    sync.Mutex
	sorts []*event // in the order in which they first happened; there are as many as calls to tell in this package
}

// event is what is known of the events with one message.
type event struct {
	pace
	level   slog.Level
	message string
	untold  int // since the last line
}

// tell takes note of an event. The message is a constant: it names the sort.
func (c *crier) tell(level slog.Level, message string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sort(level, message)
	if !s.due(c.now()) {
		s.untold++
		return
	}
	if s.untold > 0 {
		args = append(args, "more_since", s.untold)
	}
	s.untold = 0
	c.logger.Log(context.Background(), level, message, args...)
}

func (c *crier) sort(level slog.Level, message string) *event {
	for _, s := range c.sorts {
		if s.message == message {
			return s
		}
	}
	s := &event{pace: pace{quiet: c.quiet}, level: level, message: message}
	c.sorts = append(c.sorts, s)
	return s
}

// end tells the counts that were not told.
func (c *crier) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sorts {
		if s.untold > 0 {
			c.logger.Log(context.Background(), s.level, s.message, "more_since", s.untold)
		}
		s.untold = 0
	}
}
