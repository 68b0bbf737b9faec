package markers

import (
	"context"
	"errors"
)

// triggerTaker copies triggers from the remote store to the local one.
type triggerTaker struct {
	channel *mirrorChannel
	begun   bool
	cursor  ID // of the last remote trigger that was looked at
}

// take brings the local triggers up to date, or, when they are, waits for a while for a remote one.
func (t *triggerTaker) take(ctx context.Context) error {
	m, name := t.channel.m, t.channel.name
	if err := t.channel.describe(ctx); err != nil {
		return err
	}
	if !t.begun {
		last, err := m.local.Last(ctx, name, Triggers)
		if err != nil {
			return err
		}
		t.begun, t.cursor = true, last
	}
	found, err := m.remote.Triggers(ctx, name, Range{From: t.cursor.Next(), Limit: mirrorBatch})
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return t.keep(ctx, found)
	}
	wait, cancel := context.WithTimeout(ctx, mirrorCheck)
	defer cancel()
	err = m.remote.Wait(wait, name, Triggers, t.cursor)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

// keep adds remote triggers to the local store, and counts those that it refuses.
func (t *triggerTaker) keep(ctx context.Context, found []Trigger) error {
	m, name := t.channel.m, t.channel.name
	fresh, err := t.absent(ctx, found)
	if err != nil {
		return err
	}
	if len(fresh) > 0 {
		err := m.local.Append(ctx, name, Batch{Triggers: fresh})
		if err != nil && !errors.Is(err, ErrJournal) {
			return err
		}
		refused, err := t.absent(ctx, fresh)
		if err != nil {
			return err
		}
		for _, r := range refused {
			m.log.Error("a trigger comes too late, after one for a later frame", "channel", name, "frame", r.Frame,
				"text", r.Text)
		}
		m.mu.Lock()
		m.late += int64(len(refused))
		m.mu.Unlock()
	}
	t.cursor = found[len(found)-1].RecordID()
	return nil
}

// absent lists the triggers that the local store does not have.
func (t *triggerTaker) absent(ctx context.Context, list []Trigger) ([]Trigger, error) {
	have, err := t.channel.m.local.Triggers(ctx, t.channel.name, Range{
		From: list[0].RecordID(), To: list[len(list)-1].RecordID(),
	})
	if err != nil {
		return nil, err
	}
	known := map[ID]bool{}
	for _, h := range have {
		known[h.RecordID()] = true
	}
	var out []Trigger
	for _, r := range list {
		if !known[r.RecordID()] {
			out = append(out, r)
		}
	}
	return out, nil
}
