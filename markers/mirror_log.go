package markers

import (
	"context"
	"errors"
	"sync"
)

// mirrorLog copies one log to the remote store.
type mirrorLog struct {
	channel *mirrorChannel
	kind    Kind

	mu      sync.Mutex
	cursor  ID    // of the last local record that needs no copying any more
	there   ID    // the end of the remote log
	asked   bool  // there is what the remote store said, not just the beginning
	ahead   error // why nothing can be copied: the remote log ends beyond the local one
	held    kindBatch
	trimTo  ID // what the remote log is to be trimmed to
	trimmed ID // what it was trimmed to

	unsure     int64 // records that were trimmed while it was not known whether the remote store has them
	unsureLast ID    // the last of them
}

// position is the ID of the last record that needs no copying any more.
func (l *mirrorLog) position() ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

// copy brings the remote log up to date, or, when it is, waits for a while for a record.
func (l *mirrorLog) copy(ctx context.Context) error {
	c := l.channel
	if err := c.describe(ctx); err != nil {
		return err
	}
	if l.kind == Detections { // which the remote store has only
		return l.idle(ctx)
	}
	// The remote store is asked each time: only so is it found out that it lost what it had.
	last, err := c.m.remote.Last(ctx, c.name, l.kind)
	if err != nil {
		return err
	}
	if err := l.checkEnd(ctx, last); err != nil {
		return err
	}
	b, err := l.next(ctx, last)
	if err != nil {
		return err
	}
	if b.n > 0 {
		added, err := c.m.remote.AppendAfter(ctx, c.name, l.kind, last, b.Batch)
		if err == nil && added {
			l.done(b.last)
		}
		return err // what was not added is added after the next look at the end
	}
	return l.idle(ctx)
}

// idle trims the remote log where the local one was trimmed, and waits for a while for a local record.
func (l *mirrorLog) idle(ctx context.Context) error {
	c := l.channel
	if err := l.trimRemote(ctx); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, mirrorCheck)
	defer cancel()
	err := c.m.local.Wait(wait, c.name, l.kind, l.position())
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// next takes note of where the remote log ends, and holds the records that come next.
func (l *mirrorLog) next(ctx context.Context, last ID) (kindBatch, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.channel
	behind := last.Compare(l.there) < 0
	if behind {
		c.m.log.Warn("remote store lost records, they are copied again", "channel", c.name, "kind", l.kind,
			"had", l.there.String(), "has", last.String())
		l.held = kindBatch{}
		c.forget()
	}
	moved := last != l.there
	l.there = last
	switch {
	case l.kind != Missing:
		l.cursor = last
	case !l.asked || behind:
		// Missing records that another generator wrote, and those that came late, make the end of the log say nothing of
		// which of ours are there: all are appended again, and the store leaves out what it has.
		l.cursor = ID{}
	}
	if !l.asked {
		l.asked = true
		if l.unsure > 0 && last.Compare(l.unsureLast) < 0 {
			c.m.lose(c.name, l.kind, l.unsure)
		}
		l.unsure = 0
	}
	if moved {
		c.m.copied()
	}
	// What was held when an append failed may be trimmed by now. To append it again is right even if a part of it went
	// through.
	if l.held.n > 0 && l.cursor.Compare(l.held.last) < 0 {
		return l.held, nil
	}
	var err error
	l.held, err = readBatch(ctx, c.m.local, c.name, l.kind, Range{From: l.cursor.Next(), Limit: mirrorBatch})
	return l.held, err
}

// done takes note of records that were copied.
func (l *mirrorLog) done(last ID) {
	l.mu.Lock()
	l.cursor, l.held = last, kindBatch{}
	if l.kind != Missing { // whose records the remote store may have put further behind
		l.there = last
	}
	l.mu.Unlock()
	l.channel.m.copied()
}

// trimLocal trims the local log, and has the remote one trimmed later. It counts what the remote store misses by it.
func (l *mirrorLog) trimLocal(ctx context.Context, before ID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.channel
	from := l.cursor
	if l.held.n > 0 && l.held.last.Compare(from) > 0 {
		from = l.held.last
	}
	n, last, err := l.uncopied(ctx, from, before)
	if err != nil {
		return err
	}
	err = c.m.local.Trim(ctx, c.name, l.kind, before)
	if err != nil && !errors.Is(err, ErrJournal) {
		return err
	}
	if before.Compare(l.trimTo) > 0 {
		l.trimTo = before
	}
	switch {
	case n == 0:
	case l.asked:
		c.m.lose(c.name, l.kind, n)
	default:
		l.unsure += n
		l.unsureLast = last
	}
	return err
}

// uncopied is the number of local records after one ID and before another, and the ID of the last of them.
func (l *mirrorLog) uncopied(ctx context.Context, after, before ID) (n int64, last ID, err error) {
	local, name := l.channel.m.local, l.channel.name
	if before.Compare(after) <= 0 || l.kind == Detections {
		return 0, ID{}, nil
	}
	all, err := countRecords(ctx, local, name, l.kind, Range{From: after.Next()})
	if err != nil || all == 0 {
		return 0, ID{}, err
	}
	kept, err := countRecords(ctx, local, name, l.kind, Range{From: before})
	if err != nil || all <= kept {
		return 0, ID{}, err
	}
	// A range includes its end: the newest two up to there hold the newest one before it.
	b, err := readBatch(ctx, local, name, l.kind, Range{From: after.Next(), To: before, Limit: 2, Desc: true})
	if err != nil {
		return 0, ID{}, err
	}
	if last = b.first; last == before {
		last = b.last
	}
	return all - kept, last, nil
}

// trimRemote trims the remote log as the local one was. It is best effort: what fails is tried again.
func (l *mirrorLog) trimRemote(ctx context.Context) error {
	l.mu.Lock()
	to, at := l.trimTo, l.trimmed
	l.mu.Unlock()
	if to == at {
		return nil
	}
	if err := l.channel.m.remote.Trim(ctx, l.channel.name, l.kind, to); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trimmed = to
	return nil
}
