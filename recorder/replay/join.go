package replay

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sequenceTag              = "EXT-X-MEDIA-SEQUENCE"
	discontinuitySequenceTag = "EXT-X-DISCONTINUITY-SEQUENCE"
	discontinuityTag         = "EXT-X-DISCONTINUITY"
	byteRangeTag             = "EXT-X-BYTERANGE"
)

// stretch is the segments of a version of a playlist from one on, in a pass of a loop.
type stretch struct {
	text *text
	from int
	pass int64
}

func (s stretch) blocks() []block { return s.text.blocks[s.from:] }

// write joins stretches, of which the last is the first in the playlist.
func (c *cycle) write(parts []stretch) []line {
	header := parts[0].text.header // of the version that is recorded for this time
	parts = slices.DeleteFunc(slices.Clone(parts), func(s stretch) bool { return len(s.blocks()) == 0 })
	slices.Reverse(parts)
	first := parts[0].blocks()[0]
	number := first.discontinuity + parts[0].pass*c.discontinuities
	if first.broken {
		number--
	}
	out := numbered(header, first.msn+parts[0].pass*c.perPass, max(number, 0))
	for _, p := range parts {
		out = append(out, p.dateRanges()...)
	}
	var before state
	for i, p := range parts {
		for k, b := range p.blocks() {
			out = append(out, p.block(b, k == 0, i > 0, before)...)
			before = b.state
		}
	}
	return out
}

// numbered is the header with other numbers.
func numbered(header []line, sequence, discontinuity int64) []line {
	out := make([]line, 0, len(header)+2)
	for _, l := range header {
		if name, _ := l.tag(); name == sequenceTag || name == discontinuitySequenceTag {
			continue
		}
		if l.content() == "" {
			continue
		}
		if !strings.HasSuffix(l.text, "\n") {
			l.text += "\n"
		}
		out = append(out, l)
		if name, _ := l.tag(); name == "EXTM3U" && len(out) == 1 {
			out = append(out, line{text: "#" + sequenceTag + ":" + strconv.FormatInt(sequence, 10) + "\n"},
				line{text: "#" + discontinuitySequenceTag + ":" + strconv.FormatInt(discontinuity, 10) + "\n"})
		}
	}
	return out
}

// block writes a segment of the stretch; before is the state of the tags so far. opens: it is the stretch's first. joins: another
// stretch is before it.
func (s stretch) block(b block, opens, joins bool, before state) []line {
	var out []line
	if opens && joins && !b.broken {
		out = append(out, line{text: "#" + discontinuityTag + "\n"})
	}
	sections := slices.ContainsFunc(b.lines, func(l line) bool { name, _ := l.tag(); return name == mapTag })
	again := opens || b.state.implicit()
	if again {
		from := b.state
		if !opens && !sections {
			from.section = nil // it was written
		}
		out = append(out, s.dated(from.lines(before, b.msn))...)
	}
	if opens && !b.dated && !b.date.IsZero() {
		out = append(out, line{text: "#" + dateTag + ":" + b.date.UTC().Format("2006-01-02T15:04:05.000Z") + "\n"})
	}
	for _, l := range b.lines {
		name, _ := l.tag()
		switch {
		case again && (name == keyTag || name == mapTag):
			continue
		case name == byteRangeTag && b.part != nil:
			l = l.with("#" + byteRangeTag + ":" + strconv.FormatInt(b.part.Length, 10) + "@" + strconv.FormatInt(b.part.Offset, 10))
		}
		out = append(out, l)
	}
	return s.dated(out)
}

// dated has the lines moved with the stretch's pass, and end.
func (s stretch) dated(list []line) []line {
	for i := range list {
		list[i].pass = s.pass
		if list[i].base == nil {
			list[i].base = s.text.blocks[0].lines[0].base
		}
		if !strings.HasSuffix(list[i].text, "\n") {
			list[i].text += "\n"
		}
	}
	return list
}

// dateRanges are those that belong to the stretch's segments, with an ID of their own in each pass, since a date range must
// never change.
func (s stretch) dateRanges() []line {
	from := s.blocks()[0].date
	if from.IsZero() {
		return nil
	}
	var out []line
	for _, l := range s.text.ranges {
		tag := l.content()
		start, ok := attributeTime(tag, "START-DATE")
		if !ok || s.from > 0 && start.Before(from) {
			continue
		}
		if s.pass > 0 {
			l = l.with(replaceAttributes(tag, func(name, value string) (string, bool) {
				return value + "-pass-" + strconv.FormatInt(s.pass, 10), name == "ID"
			}))
		}
		out = append(out, l)
	}
	return s.dated(out)
}

func attributeTime(tag, name string) (time.Time, bool) {
	v, ok := attributeOf(tag, name)
	if !ok {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
