package markers

import "context"

// counter is a store that can count without reading.
type counter interface {
	Count(ctx context.Context, channel string, k Kind, r Range) (int64, error)
}

// countRecords is the number of records that a range selects.
func countRecords(ctx context.Context, s Store, channel string, k Kind, r Range) (int64, error) {
	if c, ok := s.(counter); ok {
		return c.Count(ctx, channel, k, r)
	}
	b, err := readBatch(ctx, s, channel, k, r)
	return int64(b.n), err
}

// kindBatch is a Batch of records of one kind, with the IDs of its first and last.
type kindBatch struct {
	Batch
	n           int
	first, last ID
}

// generator is the id of the generator that wrote the first record, empty where that is not known.
func (b kindBatch) generator() string {
	switch {
	case len(b.Frames) > 0:
		return b.Frames[0].Generator
	case len(b.Missing) > 0:
		return b.Missing[0].Generator
	case len(b.Markers) > 0:
		return b.Markers[0].Generator
	case len(b.Segments) > 0:
		return b.Segments[0].Generator
	}
	return ""
}

// readBatch reads records of one kind, to append them elsewhere.
func readBatch(ctx context.Context, s Store, channel string, k Kind, r Range) (b kindBatch, err error) {
	switch k {
	case Frames:
		err = fill(ctx, &b, &b.Batch.Frames, s.Frames, channel, r)
	case Missing:
		err = fill(ctx, &b, &b.Batch.Missing, s.Missing, channel, r)
	case Markers:
		err = fill(ctx, &b, &b.Batch.Markers, s.Markers, channel, r)
	case Segments:
		err = fill(ctx, &b, &b.Batch.Segments, s.Segments, channel, r)
	case Triggers:
		err = fill(ctx, &b, &b.Batch.Triggers, s.Triggers, channel, r)
	case Detections:
		err = fill(ctx, &b, &b.Batch.Detections, s.Detections, channel, r)
	default:
		err = checkKind(k)
	}
	return b, err
}

func fill[T record[T]](ctx context.Context, b *kindBatch, list *[]T,
	read func(context.Context, string, Range) ([]T, error), channel string, r Range) error {
	recs, err := read(ctx, channel, r)
	if err == nil && len(recs) > 0 {
		*list, b.n, b.first, b.last = recs, len(recs), recs[0].RecordID(), recs[len(recs)-1].RecordID()
	}
	return err
}
