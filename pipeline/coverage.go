package pipeline

import (
	"sync"
	"time"

	"github.com/refstream/refstream/markers"
)

// coverage accounts for every segment slot once and in order: it was published, or its frames are missing for a
// reason. Reports arrive in any order and from any goroutine; each is held until the slots before it are accounted for,
// so that the missing records can be written in order. The first report about a slot counts.
type coverage struct {
	clock markers.Clock
	now   func() time.Time

	mu sync.Mutex
	// next is the first slot that is not accounted for; known holds the reports about it and later slots.
	next  int64
	known map[int64]reason
}

// reason is why a slot's frames are missing; the zero value means that they are published.
type reason struct{ code, detail string }

func newCoverage(clock markers.Clock, next int64, now func() time.Time) *coverage {
	return &coverage{clock: clock, now: now, next: next, known: map[int64]reason{}}
}

// report takes in the fate of slots first to last, inclusive, and returns the missing records that are due now.
// Neighbouring slots with the same fate share a record.
func (c *coverage) report(first, last int64, why reason) []markers.MissingRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	for msn := max(first, c.next); msn <= last; msn++ {
		if _, ok := c.known[msn]; !ok {
			c.known[msn] = why
		}
	}
	var due []markers.MissingRecord
	var previous reason
	for ; ; c.next++ {
		why, ok := c.known[c.next]
		if !ok {
			return due
		}
		delete(c.known, c.next)
		end := c.clock.FirstFrame(c.next+1) - 1
		switch {
		case why == reason{}:
		case why == previous:
			due[len(due)-1].LastFrame = end
		default:
			due = append(due, markers.MissingRecord{
				Frame: c.clock.FirstFrame(c.next), LastFrame: end, Reason: why.code, Detail: why.detail, At: c.now().UTC(),
			})
		}
		previous = why
	}
}

// accounted is the first slot without a report.
func (c *coverage) accounted() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// pending is the last slot of which something is known that waits for a slot before it; -1 where nothing waits.
func (c *coverage) pending() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := int64(-1)
	for msn := range c.known {
		last = max(last, msn)
	}
	return last
}
