package markers

import (
	"context"
	"fmt"
)

var _ Store = (*Journal)(nil)

// PutChannel writes the description of a channel. Where the disk fails the error wraps ErrJournal, and the description
// can be read and is written later, as with Append.
func (j *Journal) PutChannel(_ context.Context, c Channel) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("put channel: %w", err)
	}
	ch, err := j.writable(c.Name)
	if err != nil {
		return fmt.Errorf("put channel: %w", err)
	}
	return journalError(c.Name, ch.describe(c))
}

// Channel reads the description of a channel.
func (j *Journal) Channel(_ context.Context, name string) (Channel, error) {
	if c, _ := j.readable(name); c != nil {
		if ch, ok := c.description(); ok {
			return ch, nil
		}
	}
	return Channel{}, fmt.Errorf("channel %q %w", name, ErrNotFound)
}

// Channels lists the channels that were put.
func (j *Journal) Channels(context.Context) ([]Channel, error) {
	var out []Channel
	for _, c := range j.all() {
		if ch, ok := c.description(); ok {
			out = append(out, ch)
		}
	}
	return out, nil
}

// Append adds records. It looks at no context: what is true is written down also while a program stops. An error that
// wraps ErrJournal means that the records are there and can be read, but are not on disk yet.
func (j *Journal) Append(_ context.Context, channel string, b Batch) error {
	if err := b.Validate(); err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	c, err := j.writable(channel)
	if err != nil {
		return fmt.Errorf("append records: %w", err)
	}
	return journalError(channel, c.append(b))
}

// Frames reads frame records.
func (j *Journal) Frames(_ context.Context, channel string, r Range) ([]FrameRecord, error) {
	return readJournal(j, channel, r, func(c *journalChannel) *memLog[FrameRecord] { return c.frames.mem })
}

// Missing reads the records of missing frames.
func (j *Journal) Missing(_ context.Context, channel string, r Range) ([]MissingRecord, error) {
	return readJournal(j, channel, r, func(c *journalChannel) *memLog[MissingRecord] { return c.missing.mem })
}

// Markers reads markers.
func (j *Journal) Markers(_ context.Context, channel string, r Range) ([]Marker, error) {
	return readJournal(j, channel, r, func(c *journalChannel) *memLog[Marker] { return c.markers.mem })
}

// Segments reads segment records.
func (j *Journal) Segments(_ context.Context, channel string, r Range) ([]SegmentRecord, error) {
	return readJournal(j, channel, r, func(c *journalChannel) *memLog[SegmentRecord] { return c.segments.mem })
}

// Triggers reads triggers.
func (j *Journal) Triggers(_ context.Context, channel string, r Range) ([]Trigger, error) {
	return readJournal(j, channel, r, func(c *journalChannel) *memLog[Trigger] { return c.triggers.mem })
}

// Detections reads detections.
func (j *Journal) Detections(_ context.Context, channel string, r Range) ([]Detection, error) {
	return readJournal(j, channel, r, func(c *journalChannel) *memLog[Detection] { return c.detections.mem })
}

func readJournal[T record[T]](j *Journal, channel string, r Range, of func(*journalChannel) *memLog[T]) ([]T, error) {
	c, _ := j.readable(channel)
	if c == nil {
		return nil, nil
	}
	return of(c).read(r), nil
}

// Count is the number of records that a range without its limit selects. It takes the time of a few comparisons.
func (j *Journal) Count(_ context.Context, channel string, k Kind, r Range) (int64, error) {
	if err := checkKind(k); err != nil {
		return 0, fmt.Errorf("count records: %w", err)
	}
	c, _ := j.readable(channel)
	if c == nil {
		return 0, nil
	}
	return c.log(k).count(r), nil
}

// Last is the ID of the newest record of a log.
func (j *Journal) Last(_ context.Context, channel string, k Kind) (ID, error) {
	if err := checkKind(k); err != nil {
		return ID{}, fmt.Errorf("find last record: %w", err)
	}
	c, _ := j.readable(channel)
	if c == nil {
		return ID{}, nil
	}
	return c.log(k).last(), nil
}

// Wait waits for a record after the given ID.
func (j *Journal) Wait(ctx context.Context, channel string, k Kind, after ID) error {
	if err := checkKind(k); err != nil {
		return fmt.Errorf("wait for records: %w", err)
	}
	for {
		c, opened := j.readable(channel)
		if c != nil {
			return c.log(k).wait(ctx, j.done, after)
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		case <-j.done:
			return errClosed
		}
	}
}

// Trim removes the records before the given ID from memory, and from disk: whole files at once, the rest of them when
// it can go. An error wraps ErrJournal: memory is trimmed then, and the disk with a later Trim.
func (j *Journal) Trim(_ context.Context, channel string, k Kind, before ID) error {
	if err := checkKind(k); err != nil {
		return fmt.Errorf("trim records: %w", err)
	}
	c, _ := j.readable(channel)
	if c == nil {
		return nil
	}
	return journalError(channel, c.log(k).trim(before))
}
