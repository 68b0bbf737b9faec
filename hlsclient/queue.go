package hlsclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// waiting is how many segments may wait to be fetched (more if the playlist lists more): hours of them. Beyond it the oldest
// are dropped.
const waiting = 4096

// fairStarts: every fourth segment that is started is the oldest that waits, even if it has left the playlist, so that none
// waits for ever.
const fairStarts = 4

var errHeldUp = errors.New("it is too slow: too much waits for it")

// job is a segment that is to be fetched.
type job struct {
	seg       m3u8.MediaSegment
	from      location // of the playlist that names it
	version   int64
	numbering int64 // counts how often the numbering began anew before
	dateTime  time.Time
}

// listing is what the last version of a playlist holds.
type listing struct {
	numbering int64
	first     int64           // media sequence number of the first
	listed    map[string]bool // by wholeIdentity; not changed any more
}

func (l *listing) holds(j *job) bool {
	return l.numbering == j.numbering && j.seg.MSN >= l.first || l.listed[wholeIdentity(&j.seg)]
}

// The states of what is queued.
const (
	slotWaiting = iota
	slotRunning
	slotDone
)

// queued is a segment in the queue: it waits, is fetched, and is reported after all before it.
type queued struct {
	job
	state  int
	slow   bool // being fetched, and others may overtake it
	left   bool // it has left the playlist
	cancel context.CancelCauseFunc
	out    *Segment // when it is done
	held   int64    // what it counts for of maxHeld
	memory int64    // bytes of the memory for all
}

// queue holds the segments of one stream from when a playlist lists them until they are reported. Adding never blocks, so that
// the playlist is reloaded while segments are slow.
type queue struct {
	stream  *Stream
	changed chan struct{} // holds one where something happened since it was looked for

	mu      sync.Mutex
	slots   []*queued // in the order of the playlist
	now     listing
	waiting int   // of the slots
	running int   // of the slots
	slow    int   // of those that run
	starts  int64 // of slots
	closed  bool
}

func newQueue(s *Stream) *queue { return &queue{stream: s, changed: make(chan struct{}, 1)} }

// put adds the new segments of a version, and what it lists. Beyond limit the oldest are given up. memory is what it takes.
func (q *queue) put(jobs []job, now listing, limit int) (memory int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.now = now
	for i := range jobs {
		s := &queued{job: jobs[i], memory: perSlot + int64(len(jobs[i].seg.URI))}
		q.slots = append(q.slots, s)
		memory += s.memory
	}
	q.waiting += len(jobs)
	over := q.waiting - limit
	for _, s := range q.slots {
		s.left = s.left || !now.holds(&s.job)
		if over > 0 && s.state == slotWaiting {
			q.giveUp(s, fmt.Errorf("%w: segments are slower than the playlist", ErrNotAsked))
			over--
			s.memory += perSlot
			memory += perSlot
		}
	}
	q.wake()
	return memory
}

// giveUp ends the waiting of a slot. The caller holds mu.
func (q *queue) giveUp(s *queued, why error) {
	s.state, s.out = slotDone, &Segment{Stream: q.stream, MediaSegment: s.seg, DateTime: s.dateTime, Version: s.version, Err: why}
	if at, err := s.from.resolve(s.seg.URI); err == nil {
		s.out.URL = at.String()
	}
	q.waiting--
}

// close ends the queue: nothing is added any more.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// take removes the first slot if it is done; over reports that the queue is empty and closed.
func (q *queue) take() (s *queued, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.slots) == 0 {
		return nil, q.closed
	}
	if q.slots[0].state != slotDone {
		return nil, false
	}
	s, q.slots[0] = q.slots[0], nil
	if q.slots = q.slots[1:]; len(q.slots) == 0 {
		q.slots = nil // what held many is not needed any more
	}
	return s, false
}

// start picks the slot to fetch now, nil for none: one at a time, and another while all running ones are slow. Segments that are
// still listed go first. With full set it picks only the head, for which the others wait, and which is canceled if it is slow
// and has left the playlist.
func (q *queue) start(parallel int, full bool) *queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	if full && len(q.slots) > 0 {
		if head := q.slots[0]; head.state == slotRunning && head.slow && head.left && head.cancel != nil {
			head.cancel(errHeldUp)
		}
	}
	if q.waiting == 0 || q.running >= parallel || q.slow < q.running {
		return nil
	}
	next := q.pick(full)
	if next == nil {
		return nil
	}
	next.state = slotRunning
	q.waiting--
	q.running++
	q.starts++
	return next
}

func (q *queue) pick(full bool) (first *queued) {
	for i, s := range q.slots {
		switch {
		case full && i > 0:
			return nil
		case s.state != slotWaiting:
		case !s.left || full || q.starts%fairStarts == fairStarts-1:
			return s
		case first == nil:
			first = s
		}
	}
	return first
}

// cancelBy sets how to cancel the request for a started slot.
func (q *queue) cancelBy(s *queued, cancel context.CancelCauseFunc) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.cancel = cancel
}

// overtake marks a slot as slow or failing: others need not wait for it.
func (q *queue) overtake(s *queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.state != slotRunning || s.slow {
		return
	}
	s.slow = true
	q.slow++
	q.wake()
}

// hasLeft reports whether a slot has left the playlist.
func (q *queue) hasLeft(s *queued) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return s.left
}

// done finishes a started slot.
func (q *queue) done(s *queued, out *Segment) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	if s.slow {
		q.slow--
	}
	s.state, s.slow, s.cancel, s.out = slotDone, false, nil, out
	q.wake()
}

// rest are the slots to report at an early end: those that are done, and those that left the playlist unrequested.
func (q *queue) rest() (slots []*queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.slots {
		if s.state == slotWaiting && s.left {
			q.giveUp(s, fmt.Errorf("%w: it left the playlist before its turn", ErrNotAsked))
		}
		if s.state == slotDone {
			slots = append(slots, s)
		}
	}
	q.slots = nil
	return slots
}
