package replay

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// text is a parsed media playlist, whose segments can be joined to another. It has at least one segment.
type text struct {
	header []line // tags of the whole playlist
	ranges []line // EXT-X-DATERANGE
	blocks []block
}

// block is a segment with the tags that apply to it from its own lines on.
type block struct {
	lines              []line
	msn, discontinuity int64
	broken             bool      // EXT-X-DISCONTINUITY is before it
	date               time.Time // when it begins; zero where not known
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
	m, dates := p.Media, p.Media.DateTimes()
	t := &text{}
	var now state
	var own []line
	next, begun := 0, false
	for i, l := range splitLines(raw, base, 0) {
		name, _ := l.tag()
		switch {
		case slices.Contains(endlessTags, name):
		case name == dateRangeTag:
			t.ranges = append(t.ranges, l)
		case slices.Contains(headerTags, name), !begun && !slices.Contains(segmentTags, name) && (next == 0 && m.Segments[0].Line != i+1):
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
				date: dates[next], dated: !seg.ProgramDateTime.IsZero(), part: seg.Range, state: now, long: time.Duration(seg.Duration)}
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

var (
	// headerTags are of the whole playlist, wherever they are in it.
	headerTags = []string{"EXTM3U", "EXT-X-VERSION", "EXT-X-TARGETDURATION", sequenceTag, discontinuitySequenceTag,
		"EXT-X-I-FRAMES-ONLY", "EXT-X-INDEPENDENT-SEGMENTS", "EXT-X-START", defineTag, "EXT-X-ALLOW-CACHE"}
	// segmentTags are of a segment.
	segmentTags = []string{"EXTINF", byteRangeTag, discontinuityTag, keyTag, mapTag, dateTag, "EXT-X-GAP", "EXT-X-BITRATE"}
	// endlessTags do not fit an endless playlist, or refer to what was not recorded.
	endlessTags = []string{"EXT-X-ENDLIST", "EXT-X-PLAYLIST-TYPE",
		"EXT-X-PART", "EXT-X-PART-INF", "EXT-X-PRELOAD-HINT", "EXT-X-RENDITION-REPORT", "EXT-X-SERVER-CONTROL"}
)

const (
	keyTag = "EXT-X-KEY"
	mapTag = "EXT-X-MAP"
	noKey  = "#EXT-X-KEY:METHOD=NONE\n"
)

// state is what earlier tags define for a segment: its keys, one for each format, its initialization section, and the keys of
// that. It is never changed: take returns another.
type state struct {
	keys    []line
	section *line
	under   []line // keys of the section
}

// take is the state after a line.
func (s state) take(l line, name string) state {
	switch name {
	case keyTag:
		text := l.content()
		if method, _ := attributeOf(text, "METHOD"); method == "NONE" {
			s.keys = nil
			return s
		}
		format := keyFormat(text)
		s.keys = slices.DeleteFunc(slices.Clone(s.keys), func(k line) bool { return keyFormat(k.content()) == format })
		s.keys = append(s.keys, l)
	case mapTag:
		s.section, s.under = &l, s.keys
	}
	return s
}

func keyFormat(tag string) string {
	if f, ok := attributeOf(tag, "KEYFORMAT"); ok {
		return f
	}
	return "identity"
}

// lines are the tags that define the state after before, for a segment with number msn in the recording.
func (s state) lines(before state, msn int64) []line {
	var list []line
	add := func(from, keys []line) {
		if slices.ContainsFunc(from, func(f line) bool { return !hasFormat(keys, keyFormat(f.content())) }) {
			list = append(list, line{text: noKey})
		}
		for _, k := range keys {
			list = append(list, withIV(k, msn))
		}
	}
	keys := before.keys
	if s.section != nil {
		add(keys, s.under)
		list = append(list, *s.section)
		if keys = s.under; slices.Equal(keys, s.keys) {
			return list
		}
	}
	add(keys, s.keys)
	return list
}

func hasFormat(keys []line, format string) bool {
	return slices.ContainsFunc(keys, func(k line) bool { return keyFormat(k.content()) == format })
}

// implicit reports a key without IV: the segment's number is used (RFC 8216bis, 4.4.4.4).
func (s state) implicit() bool {
	return slices.ContainsFunc(s.keys, func(k line) bool { return needsIV(k.content()) })
}

func needsIV(tag string) bool {
	_, given := attributeOf(tag, "IV")
	return !given && keyFormat(tag) == "identity"
}

// withIV is a key's line with an IV for the number msn.
func withIV(k line, msn int64) line {
	text := k.content()
	if !needsIV(text) {
		return k
	}
	return k.with(fmt.Sprintf("%s,IV=0x%032x", strings.TrimRight(text, ", "), msn))
}
