package replay

import (
	"math"
	"net/url"
	"strings"

	"github.com/refstream/refstream/format/m3u8"
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

// variablesOf are the variables of a whole playlist from address at (RFC 8216bis, 4.4.2.3). imports are those of the multivariant
// playlist.
func variablesOf(text string, imports map[string]string, at *url.URL) map[string]string {
	if !strings.Contains(text, "#"+defineTag) {
		return nil
	}
	p, err := m3u8.Parser{Imports: imports, Query: at.Query(), Memory: math.MaxInt64}.Parse([]byte(text))
	if err != nil {
		return nil // what can't be read is sent as it is
	}
	return p.Defined
}
