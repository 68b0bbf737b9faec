package hlsclient

import (
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// older are versions that look older than one that came before, one after the other.
type older struct {
	end   int64 // of the last, 0 before any
	moves int   // how often they went on
}

const (
	// restartMoves is how often versions that look older must go on, one after the other, until they are taken for those
	// of a stream that was started anew under the same names. A server between two of whose copies of a playlist requests
	// alternate brings the newer one in between.
	restartMoves = 2
	// restartMovesNear is that where they have segments in common with the last version: a copy that lags behind by a few
	// segments has too, and has caught up by then.
	restartMovesNear = 3
	// dateTimeSlack is by how much a segment's time may be said another way without being another segment's, where the
	// target duration is no more.
	dateTimeSlack = time.Second
)

// compare says how many segments of a version have numbers that are known, how many of those are the same, and whether
// the date and time of one of them is that of another segment.
func (p *progress) compare(m *m3u8.Media) (shared, same int, contradicted bool) {
	slack := max(time.Duration(m.TargetDuration), dateTimeSlack)
	for i := range m.Segments {
		s := &m.Segments[i]
		k, ok := p.known[s.MSN]
		if !ok {
			continue
		}
		shared++
		if !k.same(s) {
			continue
		}
		same++
		if !k.at.IsZero() && !s.ProgramDateTime.IsZero() && s.ProgramDateTime.Sub(k.at).Abs() > slack {
			contradicted = true
		}
	}
	return shared, same, contradicted
}

// goesOn takes a version that looks older, and reports whether so many of them went on that the stream was started anew.
func (p *progress) goesOn(first, end int64) bool {
	o := &p.older
	switch {
	case o.end == 0 || end < o.end:
		*o = older{end: end}
	case end > o.end:
		o.end = end
		o.moves++
	}
	enough := restartMoves
	if end > p.first && first < p.end {
		enough = restartMovesNear
	}
	return o.moves >= enough
}
