package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/refstream/refstream/markers"
)

// maxAhead is how far another generator of the stream may be ahead: far more than clocks that are kept by a time service
// differ, and than a trigger lies ahead.
const maxAhead = time.Minute

// aheadError is why nothing can be copied to a log.
type aheadError struct{ error }

// checkEnd is an error where the remote log ends at an ID that keeps the records which follow out of it, and that is
// not the work of another generator which is a little ahead.
func (l *channelLog) checkEnd(ctx context.Context, end markers.ID) error {
	ours, err := l.channel.m.local.Last(ctx, l.channel.name, l.kind)
	if err != nil {
		return err
	}
	err = l.beyond(ctx, end, ours)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && l.cursor.Compare(ours) > 0 {
		l.cursor = ours // what comes now waits
	}
	return err
}

func (l *channelLog) beyond(ctx context.Context, end, ours markers.ID) error {
	c := l.channel
	if end.Compare(ours) <= 0 || l.kind.TakesLate() {
		return nil
	}
	ch, err := c.m.local.Channel(ctx, c.name)
	if errors.Is(err, markers.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	newest, err := c.newest(ctx)
	if err != nil || newest <= c.base { // until there is something new, others may have been at work for long
		return err
	}
	furthest := newest + ch.Rate.Frames(maxAhead.Nanoseconds())
	near := end.Frame <= furthest
	if near && l.kind == markers.Triggers { // anybody may write these, and they are copied from there
		return nil
	}
	found, err := c.m.remote.Read(ctx, c.name, l.kind, markers.Range{Limit: 1, Desc: true})
	if err != nil {
		return err
	}
	last, writer := lastOf(found), ""
	for _, r := range found {
		writer = markers.GeneratorOf(r)
	}
	// More may have come since the end was asked for; less is there where the record at the end was removed.
	if near && last.Compare(end) >= 0 && last.Frame <= furthest && writer != "" && writer != ch.Generator {
		return nil
	}
	switch writer {
	case "":
		writer = "an unknown writer"
	case ch.Generator:
		writer = "this data directory, from which it is gone"
	default:
		writer = "generator " + writer
	}
	return aheadError{fmt.Errorf("the log %[1]s of channel %[2]s there ends with record %[3]s, of %[4]s, and the newest here is %[5]s of "+
		"frame %[6]d: it takes in nothing before its end: if another generator runs, set its clock right, then delete the log "+
		"(DEL refstream:{%[2]s}:%[1]s), which is copied again from the journal", l.kind, c.name, end, writer, ours, newest)}
}

// newest is the newest frame that the local store has a record of, -1 when there is none.
func (c *channel) newest(ctx context.Context) (int64, error) {
	frame := int64(-1)
	for _, k := range generated(markers.Kinds()) { // triggers are of frames to come
		last, err := c.m.local.Last(ctx, c.name, k)
		if err != nil {
			return 0, err
		}
		if last != (markers.ID{}) {
			frame = max(frame, last.Frame)
		}
	}
	return frame, nil
}
