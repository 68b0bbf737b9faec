package m3u8

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/refstream/refstream/internal/redact"
)

// variables are those of EXT-X-DEFINE (RFC 8216bis, 4.4.2.3).
type variables struct {
	values  map[string]string
	imports map[string]string // those of the multivariant playlist
	query   url.Values        // that of the playlist's URL
	left    int               // how many more bytes replacing may make
}

func (s *playlistParser) define(tag, value string) {
	list := s.attributes(tag, value)
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
		return
	case !ok:
		s.warn("%s: %s is not known", tag, redact.Excerpt(name))
		return
	}
	if v.values == nil {
		v.values = map[string]string{}
	}
	v.values[name] = text
}

// replace replaces the variables in a text. Where the playlist defines none, "{$" has no meaning.
func (s *playlistParser) replace(text string) string {
	if len(s.vars.values) == 0 || !strings.Contains(text, "{$") {
		return text
	}
	replaced, err := ReplaceVariables(text, s.vars.values, min(maxLine, s.vars.left))
	if err != nil {
		s.warn("%s", err)
		return text
	}
	s.vars.left -= len(replaced)
	return replaced
}

// ReplaceVariables replaces the variables in a text (RFC 8216bis, 4.3). The error reports an unknown one, or that the text would
// have more than most bytes. Without values "{$" has no meaning.
func ReplaceVariables(text string, values map[string]string, most int) (string, error) {
	var b strings.Builder
	for rest := text; ; {
		before, after, ok := strings.Cut(rest, "{$")
		name, end, closed := strings.Cut(after, "}")
		if !ok || !closed || len(values) == 0 {
			b.WriteString(rest)
			return b.String(), nil
		}
		value, known := values[name]
		if !known {
			return "", fmt.Errorf("variable %s is not defined", redact.Excerpt(name))
		}
		if b.Len()+len(before)+len(value) > most {
			return "", fmt.Errorf("variables make too long a text of %s", redact.Excerpt(text))
		}
		b.WriteString(before)
		b.WriteString(value)
		rest = end
	}
}
