package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/markers"
)

// triggerTaker copies triggers from the remote store to the local one.
type triggerTaker struct {
	channel *channel
	begun   bool
	cursor  markers.ID // of the last remote trigger that was looked at
}

// take brings the local triggers up to date, or, when they are, waits for a while for a remote one.
func (t *triggerTaker) take(ctx context.Context) error {
	m, name := t.channel.m, t.channel.name
	if err := t.channel.describe(ctx); err != nil {
		return err
	}
	if !t.begun {
		last, err := m.local.Last(ctx, name, markers.Triggers)
		if err != nil {
			return err
		}
		t.begun, t.cursor = true, last
	}
	// The end is asked for first: if nothing is found up to there, nothing that can be read is.
	end, err := m.remote.Last(ctx, name, markers.Triggers)
	if err != nil {
		return err
	}
	found, err := m.remote.Triggers(ctx, name, markers.Range{From: t.cursor.Next(), Limit: mirrorBatch})
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return t.keep(ctx, found)
	}
	if end.Compare(t.cursor) > 0 {
		t.cursor = end
	}
	return m.wait(ctx, m.remote, name, markers.Triggers, t.cursor)
}

// keep adds remote triggers to the local store, and counts those that it refuses.
func (t *triggerTaker) keep(ctx context.Context, found []markers.Trigger) error {
	m, name := t.channel.m, t.channel.name
	good, decided, err := t.check(ctx, found)
	if err != nil {
		return err
	}
	fresh, err := t.absent(ctx, good, found)
	if err != nil {
		return err
	}
	if len(fresh) > 0 {
		err := m.local.Append(ctx, name, markers.Batch{Triggers: fresh})
		if err != nil && !errors.Is(err, markers.ErrJournal) && !errors.Is(err, markers.ErrLate) {
			return err
		}
		refused, err := t.absent(ctx, fresh, found)
		if err != nil {
			return err
		}
		for _, r := range refused {
			m.log.Error("a trigger comes too late, after one for a later frame", "channel", name, "frame", r.Frame,
				"text", r.Text)
		}
		m.late.Add(int64(len(refused)))
	}
	if decided > 0 {
		t.cursor = found[decided-1].RecordID()
	}
	if decided == len(found) {
		return nil
	}
	return m.wait(ctx, m.local, name, markers.Frames, markers.AtFrame(max(0, t.channel.base)).Next())
}

// check lists the triggers that a generator can take, and counts the others. It decides on the first ones of the list
// only, as long as it is not known how far the stream has got.
func (t *triggerTaker) check(ctx context.Context, list []markers.Trigger) (good []markers.Trigger, decided int, err error) {
	m, name := t.channel.m, t.channel.name
	ch, err := m.local.Channel(ctx, name)
	if errors.Is(err, markers.ErrNotFound) {
		return list, len(list), nil
	}
	if err != nil {
		return nil, 0, err
	}
	newest, err := t.channel.newest(ctx)
	if err != nil {
		return nil, 0, err
	}
	for i, r := range list {
		err := r.Check(ch)
		if furthest := newest + ch.Rate.Frames(maxAhead.Nanoseconds()); err == nil && r.Frame > furthest {
			if newest <= t.channel.base {
				return good, i, nil
			}
			err = fmt.Errorf("it is for frame %d: frame %d is as far ahead as may be", r.Frame, furthest)
		}
		if err == nil {
			good = append(good, r)
			continue
		}
		m.log.Error("a trigger in the remote store is refused", "channel", name, "entry", r.RecordID().String(), "error", err)
		m.refused.Add(1)
	}
	return good, len(list), nil
}

// absent lists the triggers, some of those that were found, that the local store does not have.
func (t *triggerTaker) absent(ctx context.Context, list, found []markers.Trigger) ([]markers.Trigger, error) {
	have, err := t.channel.m.local.Triggers(ctx, t.channel.name, markers.Range{
		From: found[0].RecordID(), To: found[len(found)-1].RecordID(),
	})
	return slices.DeleteFunc(slices.Clone(list), func(r markers.Trigger) bool {
		return slices.ContainsFunc(have, func(h markers.Trigger) bool { return h.RecordID() == r.RecordID() })
	}), err
}
