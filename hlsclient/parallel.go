package hlsclient

import (
	"context"
	"strings"
	"sync"
	"time"
)

const (
	// defaultParallel is how many segments of a stream are asked for at once at the most: one that hangs, one that fails,
	// and one that comes.
	defaultParallel = 3
	// leastSlow is how long a segment may take without being overtaken, however short it is: answers from far away do.
	leastSlow = 100 * time.Millisecond
	// maxHeld is how many bytes of segments may wait to be told, of all streams of a Run, most of them in temporary files:
	// nothing new is asked for beyond it but what the others wait for. It is what a ladder of 40 Mbit/s brings in the 45 s
	// that all attempts at a segment that hangs take.
	maxHeld = 256 << 20
	// inMemory is how many bytes of maxHeld one counts for that is always in memory: 16 MiB are the most of these.
	inMemory = 16
	// heldBesides is what a segment counts for besides its data: what describes it and its requests, 4 KiB of memory.
	heldBesides = 4 << 10 * inMemory
)

// fetching fetches the segments of one stream and tells of them in the order of the playlist. They are asked for one after
// the other, as players do; while one of them fails or takes longer than it lasts, others overtake it, since they leave the
// playlist meanwhile.
type fetching struct {
	r    *reading
	q    *queue
	init string // identity of the initialization section of the last that was told
}

// fetchSegments fetches what is in the queue until there will be no more or ctx is done.
func (r *reading) fetchSegments(q *queue) {
	f := &fetching{r: r, q: q}
	var wg sync.WaitGroup
	f.run(&wg)
	wg.Wait()
	for _, s := range q.rest() {
		_ = f.tell(s, r.tellLast) // it ends anyway
	}
}

func (f *fetching) run(wg *sync.WaitGroup) {
	for f.r.ctx.Err() == nil {
		s, over := f.q.take()
		if over || s != nil && f.tell(s, f.r.tell) != nil {
			return
		}
		next := f.q.start(or(f.r.c.Parallel, defaultParallel), f.r.held.Load() >= f.r.maxHeld)
		if next != nil {
			wg.Go(func() { f.fetch(next) })
		}
		if s != nil || next != nil {
			continue
		}
		select {
		case <-f.q.changed:
		case <-f.r.ctx.Done():
		}
	}
}

// fetch fetches one.
func (f *fetching) fetch(s *queued) {
	ctx, cancel := context.WithCancelCause(f.r.ctx)
	defer cancel(nil)
	f.q.cancelBy(s, cancel)
	long := time.AfterFunc(max(time.Duration(s.seg.Duration), leastSlow), func() { f.q.overtake(s) })
	defer long.Stop()
	out := &Segment{Stream: f.q.stream, MediaSegment: s.seg, DateTime: s.dateTime, Version: s.version}
	if f.r.fetchSegment(ctx, out, s.job, func() (again bool) {
		f.q.overtake(s)
		return !f.q.hasLeft(s)
	}) != nil {
		return // all ends
	}
	s.held = heldBesides + int64(inMemory*(len(out.Init)+len(out.URL)))
	if e := out.Exchange; e != nil {
		s.held += e.Size()
		for name, values := range e.Header {
			s.held += int64(inMemory * (len(name) + len(strings.Join(values, ""))))
		}
	}
	if len(out.Keys) > 0 {
		s.held += out.Size()
		f.r.memory.use(int64(cap(out.Data)))
	}
	f.r.held.Add(s.held)
	f.q.done(s, out)
}

// tell tells of one, by a function that calls the handler.
func (f *fetching) tell(s *queued, call func(func() error) error) error {
	f.r.held.Add(-s.held)
	f.r.memory.give(s.memory)
	defer f.release(s.out)
	if s.out.Err == nil {
		id := mapIdentity(s.seg.Map, s.from)
		s.out.InitChanged, f.init = id != f.init, id
	}
	if f.r.h.Segment == nil {
		return f.r.ctx.Err()
	}
	return call(func() error { return f.r.h.Segment(s.out) })
}

// release gives back what a segment takes.
func (f *fetching) release(s *Segment) {
	f.r.release(s.Exchange)
	if s.Exchange == nil || len(s.Keys) == 0 {
		return
	}
	f.r.memory.give(int64(cap(s.Data)))
	f.r.removeSpool(s.Spool)
}
