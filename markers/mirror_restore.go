package markers

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Restore copies the records that the channel's own generator wrote from the remote store back to the local one, where
// they are newer than all that it holds: a machine that lost power may have lost the end of its journal. It is called
// before Run, and returns how many there were.
func (m *Mirror) Restore(ctx context.Context, channel string) (int, error) {
	ours, err := m.local.Channel(ctx, channel)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("restore journal: %w", err)
	}
	theirs, err := m.remote.Channel(ctx, channel)
	if errors.Is(err, ErrNotFound) || err == nil && (ours.Generator == "" || !ours.SameStream(theirs)) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("restore journal: %w", err)
	}
	total := 0
	for _, k := range []Kind{Frames, Segments, Missing, Markers} {
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

func (m *Mirror) restore(ctx context.Context, channel string, k Kind, generator string) (total int, err error) {
	after, err := m.local.Last(ctx, channel, k)
	for err == nil {
		var found kindBatch
		found, err = readBatch(ctx, m.remote, channel, k, Range{From: after.Next(), Limit: mirrorBatch})
		if err != nil || found.n == 0 {
			break
		}
		own := found.Batch.of(generator)
		total += own.size()
		if !own.Empty() {
			err = m.local.Append(ctx, channel, own)
		}
		after = found.last
	}
	return total, err
}

// of is the batch's records that a generator wrote.
func (b Batch) of(generator string) Batch {
	return Batch{
		Frames:   slices.DeleteFunc(b.Frames, func(r FrameRecord) bool { return r.Generator != generator }),
		Missing:  slices.DeleteFunc(b.Missing, func(r MissingRecord) bool { return r.Generator != generator }),
		Markers:  slices.DeleteFunc(b.Markers, func(m Marker) bool { return m.Generator != generator }),
		Segments: slices.DeleteFunc(b.Segments, func(r SegmentRecord) bool { return r.Generator != generator }),
	}
}
