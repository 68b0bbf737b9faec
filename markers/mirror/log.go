package mirror

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/refstream/refstream/markers"
)

// channelLog copies one log to the remote store.
type channelLog struct {
	channel *channel
	kind    markers.Kind

	mu      sync.Mutex
	cursor  markers.ID       // of the last local record that needs no copying any more
	there   markers.ID       // the end of the remote log
	asked   bool             // there is what the remote store said, not just the beginning
	held    []markers.Record // what is copied next: a trim does not take it away
	trimTo  markers.ID       // what the remote log is to be trimmed to
	trimmed markers.ID       // what it was trimmed to; the copier's alone

	unsure     int64      // records that were trimmed while it was not known whether the remote store has them
	unsureLast markers.ID // the last of them
}

// position is the ID of the last record that needs no copying any more.
func (l *channelLog) position() markers.ID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cursor
}

// start runs the log's copier until ctx ends.
func (l *channelLog) start(ctx context.Context) {
	l.channel.m.group.Go(func() { l.channel.repeat(ctx, l, l.copy) })
}

// copy brings the remote log up to date, or, when it is, waits for a while for a record.
func (l *channelLog) copy(ctx context.Context) error {
	c := l.channel
	if err := c.describe(ctx); err != nil {
		return err
	}
	if l.kind == markers.Detections { // which the remote store has only
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
	list, err := l.next(ctx, last)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		added, err := c.m.remote.AppendAfter(ctx, c.name, l.kind, last, l.kind.Batch(list))
		if err == nil && added {
			l.done(lastOf(list))
		}
		return err // what was not added is added after the next look at the end
	}
	return l.idle(ctx)
}

// idle trims the remote log where the local one was trimmed, and waits for a while for a local record.
func (l *channelLog) idle(ctx context.Context) error {
	c := l.channel
	if err := l.trimRemote(ctx); err != nil {
		return err
	}
	return c.m.wait(ctx, c.m.local, c.name, l.kind, l.position())
}

// next takes note of where the remote log ends, and holds the records that follow.
func (l *channelLog) next(ctx context.Context, last markers.ID) ([]markers.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.channel
	behind := last.Compare(l.there) < 0
	if behind {
		c.m.log.Warn("remote store lost records, they are copied again", "channel", c.name, "kind", l.kind,
			"had", l.there.String(), "has", last.String())
		l.held = nil
		c.forget()
	}
	l.there = last
	switch {
	case !l.kind.TakesLate():
		l.cursor = last
	case !l.asked || behind:
		// Records that another generator wrote, and those that came late, make the end of the log say nothing of which of
		// ours are there: all are appended again, and the store leaves out what it has.
		l.cursor = markers.ID{}
	}
	if !l.asked {
		l.asked = true
		if l.unsure > 0 && last.Compare(l.unsureLast) < 0 {
			c.m.lose(c.name, l.kind, l.unsure)
		}
		l.unsure = 0
	}
	c.m.progressed()
	// What was held when an append failed may be trimmed here by now. What is there up to the end stays there.
	l.held = slices.DeleteFunc(l.held, func(r markers.Record) bool { return r.RecordID().Compare(l.cursor) <= 0 })
	if len(l.held) > 0 {
		return l.held, nil
	}
	var err error
	l.held, err = c.m.local.Read(ctx, c.name, l.kind, markers.Range{From: l.cursor.Next(), Limit: mirrorBatch})
	return l.held, err
}

// done takes note of records that were copied.
func (l *channelLog) done(last markers.ID) {
	l.mu.Lock()
	l.cursor, l.held = last, nil
	if !l.kind.TakesLate() { // whose records the remote store may have put further behind
		l.there = last
	}
	l.mu.Unlock()
	l.channel.m.progressed()
}

// trimLocal trims the local log, and has the remote one trimmed later. It counts what the remote store misses by it.
func (l *channelLog) trimLocal(ctx context.Context, before markers.ID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.channel
	from := l.cursor
	if held := lastOf(l.held); held.Compare(from) > 0 {
		from = held
	}
	lost, err := l.uncopied(ctx, from, before)
	if err != nil {
		return err
	}
	err = c.m.local.Trim(ctx, c.name, l.kind, before)
	if err != nil && !errors.Is(err, markers.ErrJournal) {
		return err
	}
	if before.Compare(l.trimTo) > 0 {
		l.trimTo = before
	}
	switch n := int64(len(lost)); {
	case n == 0:
	case l.asked:
		c.m.lose(c.name, l.kind, n)
	default:
		l.unsure += n
		l.unsureLast = lastOf(lost)
	}
	return err
}

// uncopied are the local records after one ID and before another.
func (l *channelLog) uncopied(ctx context.Context, after, before markers.ID) ([]markers.Record, error) {
	if before.Compare(after) <= 0 || l.kind == markers.Detections {
		return nil, nil
	}
	list, err := l.channel.m.local.Read(ctx, l.channel.name, l.kind, markers.Range{From: after.Next(), To: before})
	if lastOf(list) == before { // a range includes its end
		list = list[:max(0, len(list)-1)]
	}
	return list, err
}

// lastOf is the ID of the last record, the zero ID where there is none.
func lastOf(list []markers.Record) markers.ID {
	if len(list) == 0 {
		return markers.ID{}
	}
	return list[len(list)-1].RecordID()
}

// trimRemote trims the remote log as the local one was. It is best effort: what fails is tried again.
func (l *channelLog) trimRemote(ctx context.Context) error {
	l.mu.Lock()
	to := l.trimTo
	l.mu.Unlock()
	if to == l.trimmed {
		return nil
	}
	if err := l.channel.m.remote.Trim(ctx, l.channel.name, l.kind, to); err != nil {
		return err
	}
	l.trimmed = to
	return nil
}
