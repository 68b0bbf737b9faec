package mp4

import (
	"errors"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"
)

// maxEvents bounds the events that wait for a fragment, and maxEvent one of them with its box.
const (
	maxEvents = 1024
	maxEvent  = 1 << 20
)

// unknownDuration is event_duration where it is not known (ISO/IEC 23009-1, 5.10.3.3.4).
const unknownDuration = math.MaxUint32

// event is one that waits for its fragment.
type event struct {
	Event
	relative bool // its time counts from the start of the segment
}

// parseEvent reads an emsg box (ISO/IEC 23009-1, 5.10.3.3).
func parseEvent(b box) (event, error) {
	m, err := decode[*mp4.EmsgBox](b)
	if err != nil {
		return event{}, err
	}
	if m.TimeScale == 0 {
		return event{}, errors.New("event message has no timescale")
	}
	e := event{Event{
		Scheme: m.SchemeIDURI, Value: m.Value, ID: m.ID, Duration: -1, Data: m.MessageData, Offset: b.start,
		PTS: ticks(int64(min(m.PresentationTime, math.MaxInt64)), m.TimeScale),
	}, m.Version == 0}
	if e.relative {
		e.PTS = ticks(int64(m.PresentationTimeDelta), m.TimeScale)
	}
	if m.EventDuration != unknownDuration {
		e.Duration = ticks(int64(m.EventDuration), m.TimeScale)
	}
	return e, nil
}

// tellEvents passes on the events that wait, now that the fragment is known that they stand before.
func (r *Reader) tellEvents(samples []sample) {
	if len(r.events) == 0 {
		return
	}
	start := int64(math.MaxInt64)
	for i := range samples {
		start = min(start, ticks(samples[i].pts+r.track.shift, r.track.timescale))
	}
	for _, e := range r.events {
		if e.relative {
			if len(samples) == 0 {
				continue // there is nothing to count from
			}
			e.PTS += start
		}
		r.handle(e.Event)
	}
	r.events = r.events[:0]
}
