package replay

import (
	"net/url"
	"strings"
)

// line is a line of a playlist on its way.
type line struct {
	text string   // as recorded, with its line end
	base *url.URL // what its URI is relative to
	pass int64    // the pass of the loop that its dates are of
}

func splitLines(text string, base *url.URL, pass int64) []line {
	list := make([]line, 0, strings.Count(text, "\n")+1)
	for l := range strings.Lines(text) {
		list = append(list, line{l, base, pass})
	}
	return list
}

// content is the line without white space around it.
func (l line) content() string { return strings.Trim(l.text, " \t\r\n\x00\uFEFF") }

// tag is the name of the line's tag, without #, and what follows it; empty for a URI or a comment.
func (l line) tag() (name, value string) {
	text, ok := strings.CutPrefix(l.content(), "#EXT")
	if !ok {
		return "", ""
	}
	name, value, _ = strings.Cut(text, ":")
	return "EXT" + name, value
}

// with is the line with another content.
func (l line) with(content string) line {
	before, after, _ := strings.Cut(l.text, l.content())
	l.text = before + content + after
	return l
}

// attribute is a name with its value in the text of a tag: text[from:to], without quotes.
type attribute struct {
	name     string
	from, to int
}

// attributes finds those in a tag (RFC 8216bis, 4.2), as far as it can be read.
func attributes(text string) (list []attribute) {
	_, rest, _ := strings.Cut(text, ":")
	for rest != "" {
		name, value, ok := strings.Cut(rest, "=")
		value = strings.TrimLeft(value, " \t")
		stop := ","
		if strings.HasPrefix(value, `"`) {
			value, stop = value[1:], `"`
		}
		n := strings.Index(value, stop)
		if !ok || n < 0 && stop == `"` {
			break
		}
		if n < 0 {
			n = len(value)
		}
		from := len(text) - len(value)
		list = append(list, attribute{strings.Trim(name, " \t,"), from, from + n})
		_, rest, _ = strings.Cut(value[n:], ",")
	}
	return list
}

// attributeOf is the value of an attribute in a tag.
func attributeOf(text, name string) (value string, ok bool) {
	for _, a := range attributes(text) {
		if a.name == name {
			return text[a.from:a.to], true
		}
	}
	return "", false
}

// replaceAttributes gives the values of a tag's attributes to f, which returns others or false for none.
func replaceAttributes(text string, f func(name, value string) (string, bool)) string {
	var b strings.Builder
	done := 0
	for _, a := range attributes(text) {
		if v, ok := f(a.name, text[a.from:a.to]); ok {
			b.WriteString(text[done:a.from])
			b.WriteString(v)
			done = a.to
		}
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

const (
	defineTag   = "EXT-X-DEFINE"
	maxReplaced = 64 << 10 // bounds a URI with its variables replaced: what is longer is left as it is
)

// variables are those of a playlist (RFC 8216bis, 4.4.2.3).
type variables map[string]string

// readVariables reads those of a whole playlist from address at. imports are those of the multivariant playlist.
func readVariables(text string, imports variables, at *url.URL) variables {
	v := variables{}
	if !strings.Contains(text, "#"+defineTag) {
		return v
	}
	for _, l := range splitLines(text, nil, 0) {
		if name, _ := l.tag(); name != defineTag {
			continue
		}
		tag := l.content()
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
	return v
}
