package hlsclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// waiting is how many segments may wait to be fetched where the playlist is shorter: hours of them. One that can't be
// fetched as fast as it comes falls behind, and the first of so many are no longer there to be had.
const waiting = 4096

// fairStarts is which of the segments that are begun with is the first that waits, though it has left the playlist and
// others are still in it: so that none waits for ever where all come slowly.
const fairStarts = 4

// errHeldUp is why a request is given up that others wait for.
var errHeldUp = errors.New("it comes too slowly: too much that came after it waits")

// job is a segment that is to be fetched.
type job struct {
	seg       m3u8.MediaSegment
	from      location // of the playlist that names it
	version   int64
	numbering int64 // counts how often the numbering began anew before
	dateTime  time.Time
}

// listing says what the last version of a playlist holds.
type listing struct {
	numbering int64
	first     int64           // media sequence number of the first
	listed    map[string]bool // by wholeIdentity; not changed any more
}

// holds reports whether a segment is still in the playlist.
func (l *listing) holds(j *job) bool {
	return l.numbering == j.numbering && j.seg.MSN >= l.first || l.listed[wholeIdentity(&j.seg)]
}

// The states of what is queued.
const (
	slotWaiting = iota
	slotRunning
	slotDone
)

// queued is a segment on its way: it waits, is fetched, and is told when all before it were.
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

// queue holds the segments of one stream from when a playlist names them until they are told. Putting some in never
// waits, so that the playlist goes on being loaded while they come slowly.
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

// put takes a version: its new segments, and what it lists. Where more than limit wait, the first of them are given up. memory
// is what it takes.
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
			q.giveUp(s, fmt.Errorf("%w: segments come more slowly than the playlist names them", ErrNotAsked))
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

// close says that no more will come.
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

// take removes the first slot where it is done; over says that there is none and none will come.
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

// start picks the slot that is to be fetched now, nil for none: one at a time, and another where all that are being
// fetched are slow. Those come first that are still in the playlist. Where full is set, since too much waits to be told,
// it is only the first of all, for which the others wait, and which is given up where it has left the playlist.
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

// cancelBy says how to give up the request for a slot that was started.
func (q *queue) cancelBy(s *queued, cancel context.CancelCauseFunc) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.cancel = cancel
}

// overtake says that a slot takes long, or that a request for it failed: others need not wait for it.
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

// done says what became of a slot that was started.
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

// rest are those that can be told at an early end: what is done, and what was missed for good, since it has left the
// playlist and nobody asked for it.
func (q *queue) rest() (slots []*queued) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.slots {
		if s.state == slotWaiting && s.left {
			q.giveUp(s, fmt.Errorf("%w: it had left the playlist before its turn came", ErrNotAsked))
		}
		if s.state == slotDone {
			slots = append(slots, s)
		}
	}
	q.slots = nil
	return slots
}
