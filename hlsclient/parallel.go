package hlsclient

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"
)

const (
	defaultParallel = 3 // Client.Parallel's default: one that hangs, one that fails, and one that is received
	// leastSlow is how long a segment may take without being overtaken, however short it is: answers from far away do.
	leastSlow = 100 * time.Millisecond
	// maxHeld is how many bytes of segments may wait to be reported in a Run, most in temporary files; beyond it only the segment
	// that all wait for is requested. 40 Mbit/s bring as much in the 45 s that all attempts at a hanging segment take.
	maxHeld  = 256 << 20
	inMemory = 16 // how many bytes of maxHeld one counts for that is always in memory: 16 MiB are the most of these
	// heldBesides is what a segment counts for besides its data: what describes it and its requests, 4 KiB of memory.
	heldBesides = 4 << 10 * inMemory
)

// fetching fetches the segments of one stream and reports them in the order of the playlist. They are requested one at a time,
// as players do; while one fails or is slow, others overtake it, before they leave the playlist.
type fetching struct {
	r    *reading
	q    *queue
	init string // identity of the last reported initialization section
}

// fetchSegments fetches what is in the queue until there will be no more or ctx is done.
func (r *reading) fetchSegments(q *queue) {
	f := &fetching{r: r, q: q}
	var wg sync.WaitGroup
	f.run(&wg)
	wg.Wait()
	for _, s := range q.rest() {
		_ = f.report(s, r.reportLast) // it ends anyway
	}
}

func (f *fetching) run(wg *sync.WaitGroup) {
	for f.r.ctx.Err() == nil {
		s, over := f.q.take()
		if over || s != nil && f.report(s, f.r.report) != nil {
			return
		}
		next := f.q.start(cmp.Or(f.r.c.Parallel, defaultParallel), f.r.held.Load() >= f.r.maxHeld)
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

// report reports one segment through call, which runs the handler.
func (f *fetching) report(s *queued, call func(func() error) error) error {
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

func (f *fetching) release(s *Segment) {
	f.r.release(s.Exchange)
	if s.Exchange == nil || len(s.Keys) == 0 {
		return
	}
	f.r.memory.give(int64(cap(s.Data)))
	f.r.removeSpool(s.Spool)
}
