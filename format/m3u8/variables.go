package m3u8

import (
	"net/url"
	"strings"

	"github.com/refstream/refstream/internal/redact"
)

// variables are those of EXT-X-DEFINE (RFC 8216bis, 4.4.2.3).
type variables struct {
	values map[string]string
	// imports are those of the multivariant playlist, query those of the playlist's URL.
	imports map[string]string
	query   url.Values
	// left is how many more bytes replacing may make.
	left int
}

func (s *playlistParser) define(tag, value string) error {
	list, err := s.attributes(tag, value)
	if err != nil {
		return err
	}
	v := &s.vars
	name, text, ok := attributeValue(list, "NAME"), attributeValue(list, "VALUE"), true
	if name == "" {
		if name = attributeValue(list, "IMPORT"); name != "" {
			text, ok = v.imports[name]
		} else if name = attributeValue(list, "QUERYPARAM"); name != "" {
			text, ok = v.query.Get(name), v.query.Has(name)
		}
	}
	switch {
	case name == "":
		s.warn("%s names no variable", tag)
		return nil
	case !ok:
		s.warn("%s: %s is not known", tag, redact.Excerpt(name))
		return nil
	}
	if v.values == nil {
		v.values = map[string]string{}
	}
	v.values[name] = text
	return nil
}

// replace replaces the variables in a text. Where the playlist defines none, "{$" has no meaning.
func (s *playlistParser) replace(text string) string {
	v := &s.vars
	if len(v.values) == 0 || !strings.Contains(text, "{$") {
		return text
	}
	var b strings.Builder
	for rest := text; ; {
		before, after, ok := strings.Cut(rest, "{$")
		name, end, closed := strings.Cut(after, "}")
		if !ok || !closed {
			b.WriteString(rest)
			break
		}
		value, known := v.values[name]
		if !known {
			s.warn("variable %s is not defined", redact.Excerpt(name))
			return text
		}
		if b.Len()+len(before)+len(value) > min(maxLine, v.left) {
			s.warn("variables make too long a text of %s", redact.Excerpt(text))
			return text
		}
		b.WriteString(before)
		b.WriteString(value)
		rest = end
	}
	v.left -= b.Len()
	return b.String()
}
