package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/refstream/refstream/markers"
)

// PutChannel writes the description to the local store; the remote one gets it as soon as it can be reached.
func (m *Mirror) PutChannel(ctx context.Context, c markers.Channel) error {
	err := m.local.PutChannel(ctx, c)
	if err == nil || errors.Is(err, markers.ErrJournal) {
		m.channel(c.Name).kick()
	}
	return err
}

// Append adds records to the local store, and detections to the remote one.
func (m *Mirror) Append(ctx context.Context, channel string, b markers.Batch) error {
	detections := markers.Batch{Detections: b.Detections}
	b.Detections = nil
	if err := detections.Validate(); err != nil {
		return fmt.Errorf("append to channel %s: %w", channel, err)
	}
	err := m.local.Append(ctx, channel, b)
	if err != nil && !errors.Is(err, markers.ErrJournal) && !errors.Is(err, markers.ErrLate) {
		return err
	}
	c := m.channel(channel)
	for _, k := range b.Kinds() {
		m.channelLog(channel, k)
	}
	if detections.Empty() {
		return err
	}
	there := c.describe(ctx) // the remote channel may be another stream
	if there == nil {
		there = m.remote.Append(ctx, channel, detections)
	}
	return errors.Join(err, there)
}

// Trim trims the local store, and the remote one when it can be reached. Records that it does not have yet are lost to
// it: they are logged and counted.
func (m *Mirror) Trim(ctx context.Context, channel string, k markers.Kind, before markers.ID) error {
	if err := k.Check(); err != nil {
		return err
	}
	if markers.CheckChannelName(channel) != nil {
		return nil
	}
	return m.channelLog(channel, k).trimLocal(ctx, before)
}

// Channel reads from the local store.
func (m *Mirror) Channel(ctx context.Context, name string) (markers.Channel, error) {
	return m.local.Channel(ctx, name)
}

// Channels reads from the local store.
func (m *Mirror) Channels(ctx context.Context) ([]markers.Channel, error) {
	return m.local.Channels(ctx)
}

// read reads from the local store, detections from the remote one.
func (m *Mirror) read(ctx context.Context, channel string, k markers.Kind, r markers.Range) ([]markers.Record, error) {
	return m.home(k).Read(ctx, channel, k, r)
}

// Kinds asks the local store.
func (m *Mirror) Kinds(ctx context.Context, channel string) ([]markers.Kind, error) {
	return m.local.Kinds(ctx, channel)
}

// Last asks the local store, for detections the remote one.
func (m *Mirror) Last(ctx context.Context, channel string, k markers.Kind) (markers.ID, error) {
	return m.home(k).Last(ctx, channel, k)
}

// Wait waits for the local store, for detections for the remote one.
func (m *Mirror) Wait(ctx context.Context, channel string, k markers.Kind, after markers.ID) error {
	return m.home(k).Wait(ctx, channel, k, after)
}

// home is the store that the records of a kind are read from.
func (m *Mirror) home(k markers.Kind) markers.Store {
	if k == markers.Detections {
		return m.remote
	}
	return m.local
}
