package replay

import (
	"net/url"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// text is a media playlist taken apart, so that its segments can stand in another. It has at least one segment.
type text struct {
	header []line // tags of the whole playlist
	ranges []line // EXT-X-DATERANGE
	blocks []block
}

// block is a segment with the tags that apply to it from its own lines on.
type block struct {
	lines              []line
	msn, discontinuity int64
	broken             bool      // EXT-X-DISCONTINUITY stands before it
	date               time.Time // when it begins; zero where the playlist doesn't say
	dated              bool      // it has a date itself
	long               time.Duration
	part               *m3u8.ByteRange
	state              state
}

// parseText takes a playlist apart; nil for one that can't be, or has no segments.
func parseText(raw string, base *url.URL) *text {
	p, err := m3u8.Parse(strings.NewReader(raw))
	if err != nil || p.Media == nil || len(p.Media.Segments) == 0 || p.Media.Skipped > 0 {
		return nil
	}
	m := p.Media
	t := &text{}
	var now state
	var own []line
	next, begun := 0, false
	for i, l := range splitLines(raw, base, 0) {
		name, _ := l.tag()
		switch {
		case endless(name):
		case name == dateRangeTag:
			t.ranges = append(t.ranges, l)
		case headerTag(name), !begun && !segmentTag(name) && (next == 0 && m.Segments[0].Line != i+1):
			t.header = append(t.header, l)
		case next == len(m.Segments): // behind the last segment
		default:
			begun = true
			now = now.take(l, name)
			own = append(own, l)
			if m.Segments[next].Line != i+1 {
				break
			}
			seg := &m.Segments[next]
			b := block{lines: own, msn: seg.MSN, discontinuity: seg.DiscontinuitySequence, broken: seg.Discontinuity,
				dated: !seg.ProgramDateTime.IsZero(), part: seg.Range, state: now, long: time.Duration(seg.Duration)}
			b.date, _ = m.DateTime(next)
			t.blocks = append(t.blocks, b)
			own, next = nil, next+1
		}
	}
	return t
}

// last is the number of the last segment.
func (t *text) last() int64 { return t.blocks[len(t.blocks)-1].msn }

// after is the index of the first segment behind number msn.
func (t *text) after(msn int64) int {
	return int(min(max(msn+1-t.blocks[0].msn, 0), int64(len(t.blocks))))
}

// headerTag says that a tag is of the whole playlist, wherever it stands.
func headerTag(name string) bool {
	switch name {
	case "EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", sequenceTag, discontinuitySequenceTag, "EXT-X-I-FRAMES-ONLY",
		"EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-START", defineTag, "EXT-X-ALLOW-CACHE":
		return true
	}
	return false
}

// segmentTag says that a tag begins what is said of a segment.
func segmentTag(name string) bool {
	switch name {
	case "EXTINF", "EXT-X-BYTERANGE", "EXT-X-DISCONTINUITY", keyTag, mapTag, dateTag, "EXT-X-GAP", "EXT-X-BITRATE":
		return true
	}
	return false
}
