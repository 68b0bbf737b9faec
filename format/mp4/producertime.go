package mp4

import (
	"math"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// maxProducerTime bounds a prft box: it has 32 bytes at most.
const maxProducerTime = 64

// ProducerTime is a producer reference time (prft; ISO/IEC 14496-12, 8.16.5): the wall clock for a moment of the video.
type ProducerTime struct {
	UTC time.Time
	// PTS is the moment in 90 kHz ticks, as those of units.
	PTS int64
	// Flags say what the wall clock is that of: 0 that the picture entered the encoder, 1 that it left it, 2 and 4 that its
	// fragment was finished and written, 8 a clock of any kind, 24 that it was captured.
	Flags uint32
	// Offset is where the box begins.
	Offset int64
}

// HandleProducerTimes has Next call handle for each producer reference time of the video.
func (r *Reader) HandleProducerTimes(handle func(ProducerTime)) { r.handleTime = handle }

func (r *Reader) prft(h boxHeader) error {
	if r.handleTime == nil || r.track == nil {
		return r.src.toEnd(h.end)
	}
	b, err := r.body(h, maxProducerTime)
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
