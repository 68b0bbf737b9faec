package hls

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// waiting is how many segments may wait to be fetched where the playlist is shorter: hours of them. One that can't be
// fetched as fast as it comes falls behind, and the first of so many are no longer there to be had.
const waiting = 4096

// job is a segment that is to be fetched.
type job struct {
	seg     MediaSegment
	from    location // of the playlist that names it
	version int64
}

// queue holds the segments of one stream that wait to be fetched. Putting some in never waits, so that the playlist goes
// on being loaded while they come slowly.
type queue struct {
	mu     sync.Mutex
	jobs   []job
	left   leftOut
	closed bool
	filled chan struct{} // holds one where something was put in since it was looked for
}

// leftOut are segments that were given up before they were asked for.
type leftOut struct {
	count, first int64 // first is the number of the first
}

// Error says how many there are.
func (l leftOut) Error() string {
	return fmt.Sprintf("fetch segments: %d from %d on were left out: they come more slowly than the playlist names them",
		l.count, l.first)
}

func newQueue() *queue { return &queue{filled: make(chan struct{}, 1)} }

// put adds segments, and leaves out the first where more than limit wait.
func (q *queue) put(jobs []job, limit int) {
	q.mu.Lock()
	q.jobs = append(q.jobs, jobs...)
	if over := len(q.jobs) - limit; over > 0 {
		if q.left.count == 0 {
			q.left.first = q.jobs[0].seg.MSN
		}
		q.left.count += int64(over)
		q.jobs = slices.Delete(q.jobs, 0, over)
	}
	q.mu.Unlock()
	q.wake()
}

// close says that no more will come.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// next waits for the next segment, and says what was left out before it; ok is false at the end, and where ctx is done.
func (q *queue) next(ctx context.Context) (j job, left leftOut, ok bool) {
	for ctx.Err() == nil {
		q.mu.Lock()
		closed := q.closed
		if len(q.jobs) > 0 {
			j, left, ok = q.jobs[0], q.left, true
			q.jobs[0], q.left = job{}, leftOut{}
			if q.jobs = q.jobs[1:]; len(q.jobs) == 0 {
				q.jobs = nil // what held many is not needed any more
			}
		}
		q.mu.Unlock()
		if ok || closed {
			return j, left, ok
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
		}
	}
	return job{}, leftOut{}, false
}
