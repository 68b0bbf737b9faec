// Package truth is what is known of a stream: from a running server, from a folder that refstream generate wrote, or from the
// seed of its channel.
package truth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// Source knows the truth about a stream.
type Source interface {
	// Channel describes the stream.
	Channel(ctx context.Context) (markers.Channel, error)
	// Between is the truth about the frames from first to last, inclusive.
	Between(ctx context.Context, first, last int64) (Truth, error)
	// Markers are those with a frame from first to last, inclusive, alone.
	Markers(ctx context.Context, first, last int64) ([]markers.Marker, error)
}

// labelled is a source that has labelled faults.
type labelled interface {
	faults(ctx context.Context, first, last int64) ([]markers.FaultRecord, error)
}

// FaultsOf are the records of the faults that are planned for one of the frames first to last; none where the source has none.
func FaultsOf(ctx context.Context, s Source, first, last int64) ([]markers.FaultRecord, error) {
	if l, ok := s.(labelled); ok {
		return l.faults(ctx, first, last)
	}
	return nil, nil
}

// CheckFault refuses a record of a fault whose numbers can't be.
func CheckFault(f markers.FaultRecord) error {
	for _, s := range slices.Concat([]markers.Span{f.Span}, f.Done, f.Collateral) {
		if s.Frame < 0 || s.LastFrame < s.Frame || s.LastFrame > maxFrame {
			return fmt.Errorf("fault %.40q can't be in frames %d to %d", f.ID, s.Frame, s.LastFrame)
		}
	}
	return nil
}

// Unnamed is the truth about a stream whose channel is to be taken from the stream: Find gives the truth about a channel, by
// the name that the stream's frame records have, which is empty where there are none.
type Unnamed struct {
	Source
	Find func(ctx context.Context, channel string) (Source, error)
}

// Truth is what is known of a stretch of a stream.
type Truth struct {
	// First and Last are the frames that the stream consists of, inclusive, where Bounded says that these are known: what
	// is missing at either end is reported. A live stream is not bounded.
	Bounded     bool
	First, Last int64
	// Frames are the ledger's lines, by frame; it may be empty or have gaps. They say when each frame was produced.
	Frames map[int64]markers.FrameRecord
	// Missing are frames known not to be in the stream.
	Missing []markers.MissingRecord
	// Markers are all markers with a frame in the stretch.
	Markers []markers.Marker
}

// CheckedChannel is the channel of a source, with an error where no picture can be compared with it.
func CheckedChannel(ctx context.Context, s Source) (markers.Channel, error) {
	c, err := s.Channel(ctx)
	if err == nil {
		err = CheckChannel(c)
	}
	if err != nil {
		return c, fmt.Errorf("read truth: %w", err)
	}
	return c, nil
}

// maxFrame bounds the numbers of frames: 500 years at 60 frames/s, whose times and time stamps fit in an int64 well.
const maxFrame = 1 << 40

// CheckChannel refuses a description of a channel that no picture can be compared with, also for its numbers: it may come from
// anybody.
func CheckChannel(c markers.Channel) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if _, err := scenario.New(c); err != nil {
		return err
	}
	if c.PTSOrigin != markers.PTSOrigin {
		return errors.New("the PTS of frame 0 is not that of this version of refstream")
	}
	if c.FramesPerSegment > maxFrame || c.Window < 0 || c.Window > maxFrame/c.FramesPerSegment {
		return fmt.Errorf("channel %s has %d segments of %d frames in its playlist: that can't be", c.Name, c.Window, c.FramesPerSegment)
	}
	return nil
}

// Seeded is the truth that follows from a channel's description alone: its schedule of events. Of triggered events and of
// when each frame was produced it knows nothing.
func Seeded(c markers.Channel) Source { return seeded{c} }

type seeded struct{ channel markers.Channel }

func (s seeded) Channel(context.Context) (markers.Channel, error) { return s.channel, nil }

// maxEvents bounds the events of a stretch: more than a week of them, one a second.
const maxEvents = 1_000_000

func (s seeded) Between(ctx context.Context, first, last int64) (t Truth, err error) {
	t.Markers, err = s.Markers(ctx, first, last)
	for i := range t.Markers { // what follows from no seed
		m := &t.Markers[i]
		m.GenTime, m.GenSeconds, m.Run = time.Time{}, 0, 0
	}
	return t, err
}

func (s seeded) Markers(_ context.Context, first, last int64) (list []markers.Marker, err error) {
	c := s.channel
	shows, err := scenario.New(c)
	if err != nil {
		return nil, err
	}
	if n := (last - first) / c.EventEvery; n > maxEvents {
		return nil, fmt.Errorf("frames %d to %d hold some %d events: too many", first, last, n)
	}
	for _, ev := range shows.Between(first, last) {
		m := shows.Marker(ev, "")
		list = append(list, m.At(m.UTC, c.Epoch))
	}
	return list, nil
}

// Endless reports whether a source always has a next marker.
func Endless(s Source) bool {
	_, ok := s.(seeded)
	return ok
}
