package truth

import (
	"context"
	"fmt"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

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

// Endless says that there is always a next marker.
func (s seeded) Endless() bool { return true }
