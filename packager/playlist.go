package packager

import "strconv"

const (
	// mediaVersion is the first protocol version with EXT-X-GAP. It stands in every playlist, because a live playlist
	// does not change its version when the first gap comes (RFC 8216bis, 6.2.1).
	mediaVersion = 8
	// multivariantVersion is the first with EXT-X-INDEPENDENT-SEGMENTS there.
	multivariantVersion = 6
)

// appendMedia appends the media playlist (RFC 8216bis, 4.4) with the given events, in the order of their first frames.
// end says that no segment will follow. It appends nothing when there is nothing to play.
func appendMedia(b []byte, t *timeline, events []dateRange, end bool) []byte {
	start, ok := t.start()
	if !ok {
		return b
	}
	b = appendTag(append(b, "#EXTM3U\n"...), "#EXT-X-VERSION:", mediaVersion)
	if t.window == 0 {
		b = append(b, "#EXT-X-PLAYLIST-TYPE:VOD\n"...)
	}
	b = appendTag(b, "#EXT-X-TARGETDURATION:", targetDuration(t.clock))
	b = appendTag(b, "#EXT-X-MEDIA-SEQUENCE:", start)
	// The first slot has no EXT-X-DISCONTINUITY of its own: what came before it is not in the playlist any more.
	discontinuity := t.discontinuityAt(start)
	b = appendTag(b, "#EXT-X-DISCONTINUITY-SEQUENCE:", discontinuity)
	b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)

	full := duration(t.clock.FramesPerSegment, t.clock).String()
	t.slots(func(msn, number int64, e *entry) {
		first, next := t.clock.FirstFrame(msn), t.clock.FirstFrame(msn+1)
		for ; discontinuity < number; discontinuity++ {
			b = append(b, "#EXT-X-DISCONTINUITY\n"...)
		}
		b = append(appendTime(append(b, "#EXT-X-PROGRAM-DATE-TIME:"...), t.clock.UTC(first)), '\n')
		// An event is told before the first slot of the playlist that it reaches into.
		for ; len(events) > 0 && events[0].first < next; events = events[1:] {
			if events[0].last >= t.clock.FirstFrame(start) {
				b = append(b, events[0].line...)
			}
		}
		if e == nil || e.gone {
			b = append(b, "#EXT-X-GAP\n"...)
		}
		length := full
		if e != nil && e.last < next-1 {
			length = duration(e.last-first+1, t.clock).String()
		}
		b = append(append(append(b, "#EXTINF:"...), length...), ",\n"...)
		b = append(append(b, SegmentFile(msn)...), '\n')
	})
	if end {
		b = append(b, "#EXT-X-ENDLIST\n"...)
	}
	return b
}

func appendTag(b []byte, tag string, value int64) []byte {
	return append(strconv.AppendInt(append(b, tag...), value, 10), '\n')
}

func appendAttribute(b []byte, name string, value int64) []byte {
	return strconv.AppendInt(append(append(b, name...), '='), value, 10)
}
