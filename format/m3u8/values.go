package m3u8

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/media"
)

// maxNanos bounds a number of seconds, 73 years, so that some of them can be added.
const maxNanos = math.MaxInt64 / 4

// attributes reads an attribute list (RFC 8216bis, 4.2), replaces variables in quoted strings, and leaves out unreadable parts.
func (s *playlistParser) attributes(tag, text string) (list []Attribute) {
	for text != "" {
		name, rest, ok := strings.Cut(text, "=")
		name = strings.Trim(name, " \t,")
		if !ok || name == "" || strings.ContainsAny(name, `",`) {
			s.warn("%s: %s is no attribute", tag, redact.Excerpt(text))
			break
		}
		a := Attribute{Name: name}
		rest = strings.TrimLeft(rest, " \t")
		if strings.HasPrefix(rest, `"`) {
			a.Quoted = true
			if a.Value, rest, ok = strings.Cut(rest[1:], `"`); !ok {
				s.warn("%s: the quotes of %s don't end", tag, name)
				break
			}
			a.Value = s.replace(a.Value)
			junk, after, _ := strings.Cut(rest, ",")
			if junk = strings.TrimSpace(junk); junk != "" {
				s.warn("%s: %s follows the value of %s", tag, redact.Excerpt(junk), name)
			}
			rest = after
		} else {
			a.Value, rest, _ = strings.Cut(rest, ",")
			a.Value = strings.TrimSpace(a.Value)
		}
		list = append(list, a)
		if s.count(1); s.err != nil {
			return nil
		}
		text = strings.TrimLeft(rest, " \t")
	}
	return list
}

// attributeValue is the value of the first attribute of that name, empty for none.
func attributeValue(list []Attribute, name string) string {
	for i := range list {
		if list[i].Name == name {
			return list[i].Value
		}
	}
	return ""
}

// integer reads a decimal integer from 0 to limit, and warns of what isn't one.
func (s *playlistParser) integer(what, text string, limit int64) (v int64, ok bool) {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 || v > limit {
		s.warn("%s: %s is no number from 0 to %d", what, redact.Excerpt(text), limit)
		return 0, false
	}
	return v, true
}

// seconds reads decimal seconds, and warns of what aren't any.
func (s *playlistParser) seconds(what, text string, signed bool) (media.Seconds, bool) {
	v, ok := parseDecimal(text)
	if !ok || v < 0 && !signed {
		s.warn("%s: %s is no number of seconds", what, redact.Excerpt(text))
		return 0, false
	}
	return v, true
}

// parseDecimal reads decimal seconds of any number of digits, and rounds them to the nearest nanosecond.
func parseDecimal(text string) (media.Seconds, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	up := len(fraction) > 9 && fraction[9] >= '5'
	fraction = (fraction + "000000000")[:9]
	v, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || v > maxNanos {
		return 0, false
	}
	if up {
		v++
	}
	if negative {
		v = -v
	}
	return media.Seconds(v), true
}

// time reads a date with time (RFC 8216bis, 4.4.4.6), and warns of what isn't one.
func (s *playlistParser) time(what, text string) (time.Time, bool) {
	t, zone, ok := parseTime(text)
	switch {
	case !ok:
		s.warn("%s: %s is no date with time", what, redact.Excerpt(text))
	case !zone:
		s.warn("%s: %s has no zone: taken as UTC", what, redact.Excerpt(text))
	}
	return t, ok
}

// parseTime reads RFC 3339, also with the zone +0000, as ffmpeg writes it, or +00, or without. Digits after the ninth decimal are
// dropped.
func parseTime(text string) (t time.Time, zone, ok bool) {
	if len(text) > 10 && (text[10] == ' ' || text[10] == 't') {
		text = text[:10] + "T" + text[11:]
	}
	if strings.HasSuffix(text, "z") {
		text = text[:len(text)-1] + "Z"
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true, true
		}
	}
	t, err := time.Parse("2006-01-02T15:04:05", text)
	return t, false, err == nil
}

// byteRange reads <length>[@<offset>]; without an offset it is -1. It is nil, with a warning, for what isn't one.
func (s *playlistParser) byteRange(tag, text string) *ByteRange {
	length, offset, given := strings.Cut(text, "@")
	r := &ByteRange{Offset: -1}
	var ok bool
	if r.Length, ok = s.integer(tag, length, maxSequence); !ok || r.Length == 0 {
		if ok {
			s.warn("%s is empty", tag)
		}
		return nil
	}
	if given {
		if r.Offset, ok = s.integer(tag, offset, maxSequence); !ok {
			return nil
		}
	}
	return r
}
