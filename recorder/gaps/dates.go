package gaps

import (
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// wholeBefore is the first protocol version in which EXTINF may have decimals (RFC 8216, 4.3.2.1).
const wholeBefore = 3

const (
	// decimalSlack and wholeSlack are how far an EXTINF may be from what it says by how it is written: most have
	// milliseconds at least.
	decimalSlack = time.Millisecond
	wholeSlack   = 500 * time.Millisecond
)

// dated is the EXT-X-PROGRAM-DATE-TIME of a segment: its own, or that of one before with the durations between.
type dated struct {
	at    time.Time // zero for none
	own   bool
	slack time.Duration // how exact it is
	whole bool          // EXTINF may be rounded to seconds
}

// expected is what a segment should say.
type expected struct {
	msn   int64
	at    time.Time // zero for anything
	slack time.Duration
}

// dates gives each segment its time.
func dates(m *m3u8.Media, whole bool) []dated {
	list := make([]dated, len(m.Segments))
	var next dated
	for i := range m.Segments {
		s := &m.Segments[i]
		if s.Discontinuity {
			next = dated{}
		}
		if !s.ProgramDateTime.IsZero() {
			next = dated{at: s.ProgramDateTime, own: true}
		}
		next.whole = whole && time.Duration(s.Duration)%time.Second == 0
		list[i] = next
		next.own = false
		if !next.at.IsZero() {
			next = after(next, time.Duration(s.Duration))
		}
	}
	return list
}

// after is the time at the end of a segment of that duration.
func after(d dated, duration time.Duration) dated {
	d.at = d.at.Add(duration)
	if d.slack += decimalSlack; d.whole {
		d.slack += wholeSlack
	}
	return d
}
