package replay

import (
	"fmt"
	"slices"
	"strings"
)

const (
	keyTag = "EXT-X-KEY"
	mapTag = "EXT-X-MAP"
	noKey  = "#EXT-X-KEY:METHOD=NONE\n"
)

// state is what tags of segments before say of a segment: its keys, one for each format, its initialization section, and
// the keys that this stands under. It is never changed: take gives another.
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

// lines are the tags that say it all again where before is what was said, for a segment that is number msn in the
// recording.
func (s state) lines(before state, msn int64) []line {
	var list []line
	say := func(from, keys []line) {
		if slices.ContainsFunc(from, func(f line) bool { return !hasFormat(keys, keyFormat(f.content())) }) {
			list = append(list, line{text: noKey})
		}
		for _, k := range keys {
			list = append(list, withIV(k, msn))
		}
	}
	keys := before.keys
	if s.section != nil {
		say(keys, s.under)
		list = append(list, *s.section)
		if keys = s.under; slices.Equal(keys, s.keys) {
			return list
		}
	}
	say(keys, s.keys)
	return list
}

func hasFormat(keys []line, format string) bool {
	return slices.ContainsFunc(keys, func(k line) bool { return keyFormat(k.content()) == format })
}

// implicit says that a key has no IV, so that the segment's number is it (RFC 8216bis, 4.4.4.4).
func (s state) implicit() bool {
	return slices.ContainsFunc(s.keys, func(k line) bool { return needsIV(k.content()) })
}

func needsIV(tag string) bool {
	_, given := attributeOf(tag, "IV")
	return !given && keyFormat(tag) == "identity"
}

// withIV is a key's line with the IV that a number stands for.
func withIV(k line, msn int64) line {
	text := k.content()
	if !needsIV(text) {
		return k
	}
	return k.with(fmt.Sprintf("%s,IV=0x%032x", strings.TrimRight(text, ", "), msn))
}
