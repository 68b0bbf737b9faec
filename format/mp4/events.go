package mp4

import (
	"errors"
	"math"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// maxEvents bounds the events that wait for a fragment, and maxEvent one of them with its box.
const (
	maxEvents = 1024
	maxEvent  = 1 << 20
)

const unknownDuration = math.MaxUint32 // event_duration where it is not known (ISO/IEC 23009-1, 5.10.3.3.4)

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

// passEvents passes on the waiting events when the samples of the next fragment are known.
func (r *Reader) passEvents(samples []sample) {
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

// maxProducerTime bounds a prft box: it has 32 bytes at most.
const maxProducerTime = 64

// ProducerTime is a producer reference time (prft; ISO/IEC 14496-12, 8.16.5): the wall clock for a moment of the video.
type ProducerTime struct {
	UTC time.Time
	PTS int64 // the moment in 90 kHz ticks, as those of units
	// Flags is the event of the wall clock: 0 the picture entered the encoder, 1 it left it, 2 and 4 its fragment was finished and
	// written, 8 any clock, 24 it was captured.
	Flags  uint32
	Offset int64 // where the box begins
}

// HandleProducerTimes has Next call handle for each producer reference time of the video.
func (r *Reader) HandleProducerTimes(handle func(ProducerTime)) { r.handleTime = handle }

func (r *Reader) prft(h boxHeader) error {
	if r.handleTime == nil || r.track == nil {
		return r.src.toEnd(h.end)
	}
	b, err := r.src.body(h, maxProducerTime)
	if err != nil {
		return err
	}
	p, err := decode[*mp4.PrftBox](b)
	if err != nil {
		return r.damage(h.start, err)
	}
	if p.ReferenceTrackID != r.track.id {
		return nil
	}
	seconds := int64(p.NTPTimestamp.Seconds())
	if seconds < 1<<31 { // of the era that begins in February 2036 (RFC 4330, 3)
		seconds += 1 << 32
	}
	fraction := (uint64(p.NTPTimestamp.Fraction())*uint64(time.Second) + 1<<31) >> 32 // to the nearest nanosecond
	r.handleTime(ProducerTime{
		UTC: time.Unix(seconds-mp4.NTPEpochOffset, int64(fraction)).UTC(),
		PTS: ticks(int64(min(p.MediaTime, math.MaxInt64/2))+r.track.shift, r.track.timescale), Flags: p.Flags, Offset: h.start,
	})
	return nil
}
