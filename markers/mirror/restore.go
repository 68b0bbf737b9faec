package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/markers"
)

// Restore copies the records that the channel's own generator wrote from the remote store back to the local one, where
// they are newer than all that it holds: a machine that lost power may have lost the end of its journal. It is called
// before Run, and returns how many there were.
func (m *Mirror) Restore(ctx context.Context, channel string) (int, error) {
	var theirs markers.Channel
	ours, err := m.local.Channel(ctx, channel)
	if err == nil {
		theirs, err = m.remote.Channel(ctx, channel)
	}
	if errors.Is(err, markers.ErrNotFound) || err == nil && (ours.Generator == "" || !ours.SameStream(theirs)) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("restore journal: %w", err)
	}
	kinds, err := m.remote.Kinds(ctx, channel)
	if err != nil {
		return 0, fmt.Errorf("restore journal: %w", err)
	}
	total := 0
	for _, k := range generated(kinds) {
		n, err := m.restore(ctx, channel, k, ours.Generator)
		if total += n; err != nil {
			return total, fmt.Errorf("restore %s of the journal: %w", k, err)
		}
	}
	if total > 0 {
		m.log.Warn("the journal had lost records, which the remote store has given back", "channel", channel, "records", total)
	}
	return total, nil
}

func (m *Mirror) restore(ctx context.Context, channel string, k markers.Kind, generator string) (total int, err error) {
	after, err := m.local.Last(ctx, channel, k)
	for err == nil {
		var list []markers.Record
		list, err = m.remote.Read(ctx, channel, k, markers.Range{From: after.Next(), Limit: mirrorBatch})
		if err != nil || len(list) == 0 {
			break
		}
		after = lastOf(list)
		own := slices.DeleteFunc(list, func(r markers.Record) bool { return markers.GeneratorOf(r) != generator })
		total += len(own)
		if len(own) > 0 {
			err = m.Append(ctx, channel, k.Batch(own))
		}
	}
	return total, err
}

// generated are those of the kinds whose records generators write.
func generated(kinds []markers.Kind) []markers.Kind {
	return slices.DeleteFunc(kinds, func(k markers.Kind) bool { return !k.Generated() })
}
