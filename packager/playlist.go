package packager

import (
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

const (
	// mediaVersion is the first protocol version with EXT-X-GAP. Every playlist has it, because a live playlist
	// does not change its version with the first gap (RFC 8216bis, 6.2.1).
	mediaVersion = 8
	// multivariantVersion is the first with EXT-X-INDEPENDENT-SEGMENTS there.
	multivariantVersion = 6
)

// media is the media playlist of series number i (RFC 8216bis, 4.4) with the given events, in the order of their first frames.
// end: no segment will follow. ok is false when there is nothing to play. It takes the memory of list.
func (t *timeline) media(i int, events []dateRange, end bool, list []m3u8.MediaSegment) (p m3u8.Playlist, ok bool) {
	start, ok := t.start()
	if !ok {
		return p, false
	}
	m := &m3u8.Media{
		TargetDuration: media.Seconds(targetDuration(t.clock) * int64(time.Second)), MediaSequence: start,
		// The first slot has no EXT-X-DISCONTINUITY of its own: what was before it is not in the playlist any more.
		DiscontinuitySequence: t.discontinuityAt(start), End: end, Segments: list[:0],
	}
	if t.window == 0 {
		m.Type = "VOD"
	}
	full := duration(t.clock.FramesPerSegment, t.clock)
	var initialization *m3u8.Map
	t.slots(func(msn, number int64, e *entry) {
		first, next := t.clock.FirstFrame(msn), t.clock.FirstFrame(msn+1)
		s := m3u8.MediaSegment{MSN: msn, URI: t.all[i].file(msn), DiscontinuitySequence: number,
			ProgramDateTime: t.clock.UTC(first), Duration: full, Gap: e == nil || e.files[i].gone}
		if e != nil && e.last < next-1 {
			s.Duration = duration(e.last-first+1, t.clock)
		}
		if e != nil && e.files[i].initialization != "" {
			if name := e.files[i].initialization; initialization == nil || initialization.URI != name {
				initialization = &m3u8.Map{URI: name}
			}
			s.Map = initialization
		}
		// An event is before the first slot of the playlist that it reaches into.
		for ; len(events) > 0 && events[0].first < next; events = events[1:] {
			if events[0].last >= t.clock.FirstFrame(start) {
				d := events[0].tag
				d.Segment = len(m.Segments)
				m.DateRanges = append(m.DateRanges, d)
			}
		}
		m.Segments = append(m.Segments, s)
	})
	return m3u8.Playlist{Version: mediaVersion, Independent: true, Media: m}, true
}

// duration is the length of n frames, rounded to the nearest nanosecond: exact wherever nine decimals suffice.
// n is at most what an hour has, and so times both parts of the rate fits.
func duration(n int64, c markers.Clock) media.Seconds {
	const nanos = 1_000_000_000
	return media.Seconds((2*n*c.Rate.Den*nanos + c.Rate.Num) / (2 * c.Rate.Num))
}
