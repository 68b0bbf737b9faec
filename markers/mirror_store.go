package markers

import (
	"context"
	"errors"
)

// PutChannel writes the description to the local store; the remote one gets it as soon as it can be reached.
func (m *Mirror) PutChannel(ctx context.Context, c Channel) error {
	err := m.local.PutChannel(ctx, c)
	if err == nil || errors.Is(err, ErrJournal) {
		m.channel(c.Name).kick()
	}
	return err
}

// Append adds records to the local store.
func (m *Mirror) Append(ctx context.Context, channel string, b Batch) error {
	err := m.local.Append(ctx, channel, b)
	if err == nil || errors.Is(err, ErrJournal) {
		m.channel(channel)
	}
	return err
}

// Trim trims the local store, and the remote one when it can be reached. Records that it does not have yet are lost to
// it: they are logged and counted.
func (m *Mirror) Trim(ctx context.Context, channel string, k Kind, before ID) error {
	if err := checkKind(k); err != nil {
		return err
	}
	if CheckChannelName(channel) != nil {
		return nil
	}
	return m.channel(channel).logs[k].trimLocal(ctx, before)
}

// Channel reads from the local store.
func (m *Mirror) Channel(ctx context.Context, name string) (Channel, error) {
	return m.local.Channel(ctx, name)
}

// Channels reads from the local store.
func (m *Mirror) Channels(ctx context.Context) ([]Channel, error) { return m.local.Channels(ctx) }

// Frames reads from the local store.
func (m *Mirror) Frames(ctx context.Context, channel string, r Range) ([]FrameRecord, error) {
	return m.local.Frames(ctx, channel, r)
}

// Missing reads from the local store.
func (m *Mirror) Missing(ctx context.Context, channel string, r Range) ([]MissingRecord, error) {
	return m.local.Missing(ctx, channel, r)
}

// Markers reads from the local store.
func (m *Mirror) Markers(ctx context.Context, channel string, r Range) ([]Marker, error) {
	return m.local.Markers(ctx, channel, r)
}

// Segments reads from the local store.
func (m *Mirror) Segments(ctx context.Context, channel string, r Range) ([]SegmentRecord, error) {
	return m.local.Segments(ctx, channel, r)
}

// Triggers reads from the local store.
func (m *Mirror) Triggers(ctx context.Context, channel string, r Range) ([]Trigger, error) {
	return m.local.Triggers(ctx, channel, r)
}

// Last asks the local store.
func (m *Mirror) Last(ctx context.Context, channel string, k Kind) (ID, error) {
	return m.local.Last(ctx, channel, k)
}

// Wait waits for the local store.
func (m *Mirror) Wait(ctx context.Context, channel string, k Kind, after ID) error {
	return m.local.Wait(ctx, channel, k, after)
}
