package journal

import (
	"context"
	"fmt"

	"github.com/refstream/refstream/markers"
)

var _ markers.Store = (*Journal)(nil)

// PutChannel writes the description of a channel. Where the disk fails the error wraps ErrJournal, and the description
// can be read and is written later, as with Append.
func (j *Journal) PutChannel(_ context.Context, c markers.Channel) error {
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
func (j *Journal) Channel(_ context.Context, name string) (markers.Channel, error) {
	if c, _ := j.readable(name); c != nil {
		if ch, ok := c.description(); ok {
			return ch, nil
		}
	}
	return markers.Channel{}, fmt.Errorf("channel %q %w", name, markers.ErrNotFound)
}

// Channels lists the channels that were put.
func (j *Journal) Channels(context.Context) ([]markers.Channel, error) {
	var out []markers.Channel
	for _, c := range j.all() {
		if ch, ok := c.description(); ok {
			out = append(out, ch)
		}
	}
	return out, nil
}

// Append adds records. It looks at no context: what is true is written down also while a program stops. An error that
// wraps ErrJournal means that the records are there and can be read, but are not on disk yet.
func (j *Journal) Append(_ context.Context, channel string, b markers.Batch) error {
	if err := b.Validate(); err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	c, err := j.writable(channel)
	if err != nil {
		return fmt.Errorf("append records: %w", err)
	}
	return journalError(channel, c.append(b))
}

func (j *Journal) read(_ context.Context, channel string, k markers.Kind, r markers.Range) ([]markers.Record, error) {
	l, err := j.log(channel, k)
	if l == nil {
		return nil, err
	}
	return l.read(r), nil
}

// log is a log of a channel, nil where there is no such channel.
func (j *Journal) log(channel string, k markers.Kind) (*kindLog, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	c, _ := j.readable(channel)
	if c == nil {
		return nil, nil
	}
	return c.logs[k], nil
}

// Count is the number of records that a range without its limit selects. It takes the time of a few comparisons.
func (j *Journal) Count(_ context.Context, channel string, k markers.Kind, r markers.Range) (int64, error) {
	l, err := j.log(channel, k)
	if l == nil {
		return 0, err
	}
	return l.count(r), nil
}

// Last is the ID of the newest record of a log.
func (j *Journal) Last(_ context.Context, channel string, k markers.Kind) (markers.ID, error) {
	l, err := j.log(channel, k)
	if l == nil {
		return markers.ID{}, err
	}
	return l.last(), nil
}

// Wait waits for a record after the given ID.
func (j *Journal) Wait(ctx context.Context, channel string, k markers.Kind, after markers.ID) error {
	for {
		_, opened := j.readable(channel)
		l, err := j.log(channel, k)
		if err != nil {
			return err
		}
		if l != nil {
			return l.wait(ctx, j.done, after)
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
func (j *Journal) Trim(_ context.Context, channel string, k markers.Kind, before markers.ID) error {
	l, err := j.log(channel, k)
	if l == nil {
		return err
	}
	return journalError(channel, l.trim(before))
}
