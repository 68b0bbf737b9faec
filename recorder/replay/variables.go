package replay

import (
	"net/url"
	"strings"
)

const (
	defineTag = "EXT-X-DEFINE"
	// maxReplaced bounds a URI with its variables replaced: what is longer is left as it is.
	maxReplaced = 64 << 10
)

// variables are those of a playlist (RFC 8216bis, 4.4.2.3).
type variables map[string]string

// define takes an EXT-X-DEFINE. imports are those of the multivariant playlist, at is where the playlist came from.
func (v variables) define(tag string, imports variables, at *url.URL) {
	if name, ok := attributeOf(tag, "NAME"); ok {
		v[name], _ = attributeOf(tag, "VALUE")
	} else if name, ok := attributeOf(tag, "IMPORT"); ok {
		if value, known := imports[name]; known {
			v[name] = value
		}
	} else if name, ok := attributeOf(tag, "QUERYPARAM"); ok && at.Query().Has(name) {
		v[name] = at.Query().Get(name)
	}
}

// readVariables reads those of a whole playlist.
func readVariables(text string, imports variables, at *url.URL) variables {
	v := variables{}
	if !strings.Contains(text, "#"+defineTag) {
		return v
	}
	for _, l := range splitLines(text, nil, 0) {
		if name, _ := l.tag(); name == defineTag {
			v.define(l.content(), imports, at)
		}
	}
	return v
}

// replace replaces the variables in a text.
func (v variables) replace(text string) string {
	if len(v) == 0 || !strings.Contains(text, "{$") {
		return text
	}
	var b strings.Builder
	for rest := text; ; {
		before, after, ok := strings.Cut(rest, "{$")
		name, end, closed := strings.Cut(after, "}")
		if !ok || !closed {
			b.WriteString(rest)
			return b.String()
		}
		value, known := v[name]
		if !known || b.Len()+len(before)+len(value) > maxReplaced {
			return text
		}
		b.WriteString(before)
		b.WriteString(value)
		rest = end
	}
}
