package replay

import (
	"context"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

const (
	dateTag      = "EXT-X-PROGRAM-DATE-TIME"
	dateRangeTag = "EXT-X-DATERANGE"
)

// rewriting makes the lines of a playlist lead here, and moves its dates. What need not change stays as it is.
type rewriting struct {
	index   *index
	served  *url.URL // where it is now
	own     bool     // that is where it was
	vars    map[string]string
	shift   time.Duration // of all dates, whole milliseconds
	perPass time.Duration // of dates for each pass, likewise
}

// playlistText is a playlist as it is served at a path.
func (s *Server) playlistText(ctx context.Context, found *resource, o *outcome, served string, m moment, body []byte) ([]byte, error) {
	text := string(body)
	if !strings.HasPrefix(strings.TrimPrefix(text, "\uFEFF"), "#EXTM3U") {
		return body, nil
	}
	base, err := parseAddress(o.base)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(placeholder + served)
	if err != nil {
		return nil, err
	}
	imports, err := s.imports(ctx, found, m, text)
	if err != nil {
		return nil, err
	}
	r := rewriting{
		index: s.index, served: at, own: s.index.mapping.path(base) == served, vars: variablesOf(text, imports, base),
		shift: s.shift(), perPass: s.datePeriod,
	}
	lines := splitLines(text, base, m.pass)
	if c := s.loops[found.root()]; c != nil {
		lines = c.compose(text, lines, base, m.pass)
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, l := range lines {
		b.WriteString(r.line(l).text)
	}
	return []byte(b.String()), nil
}

// placeholder is a host that no recording is of: what leads elsewhere has another.
const placeholder = "http://replay.invalid"

// root is the playlist that was requested where r is what it was redirected to.
func (r *resource) root() *resource {
	if len(r.outcomes) == 0 && len(r.from) > 0 {
		return r.from[0]
	}
	return r
}

// imports are the variables that a playlist may import: those of the session's own playlist.
func (s *Server) imports(ctx context.Context, found *resource, m moment, text string) (map[string]string, error) {
	first := s.index.playlists[0]
	if found.root() == first || !strings.Contains(text, "#"+defineTag) {
		return nil, nil
	}
	o, _ := first.pick(m, nil)
	if o == nil || !o.whole() || o.body == 0 {
		return nil, nil
	}
	b, base, err := s.textOf(ctx, o)
	if err != nil {
		return nil, err
	}
	return variablesOf(string(b), nil, base), nil
}

func (r *rewriting) line(l line) line {
	text := l.content()
	if text == "" {
		return l
	}
	if !strings.HasPrefix(text, "#") {
		if to, ok := r.uri(l.base, text); ok {
			return l.with(to)
		}
		return l
	}
	name, value := l.tag()
	shift := r.shift + time.Duration(l.pass)*r.perPass
	out := text
	switch name {
	case "":
	case dateTag:
		if to, ok := moveDate(strings.TrimSpace(value), shift); ok && shift != 0 {
			out = "#" + dateTag + ":" + to
		}
	case dateRangeTag:
		if shift != 0 {
			out = replaceAttributes(text, func(name, value string) (string, bool) {
				if name != "START-DATE" && name != "END-DATE" {
					return "", false
				}
				return moveDate(value, shift)
			})
		}
	case defineTag:
		// The path here has another query than the variable is read from.
		if param, ok := attributeOf(text, "QUERYPARAM"); ok && !r.own {
			if v, known := r.vars[param]; known && !strings.ContainsAny(v, "\"\r\n") {
				out = "#" + defineTag + `:NAME="` + param + `",VALUE="` + v + `"`
			}
		}
	default:
		if !strings.Contains(text, "URI") {
			break
		}
		out = replaceAttributes(text, func(name, value string) (string, bool) {
			if name != "URI" && name != "SERVER-URI" {
				return "", false
			}
			return r.uri(l.base, value)
		})
	}
	if out == text {
		return l
	}
	return l.with(out)
}

// uri is the replacement of a URI; ok is false if it is right already, or not an address of a recording, such as data or the
// name of a key system's key.
func (r *rewriting) uri(base *url.URL, uri string) (to string, ok bool) {
	plain, err := m3u8.ReplaceVariables(uri, r.vars, maxReplaced)
	if err != nil {
		plain = uri // as it is
	}
	target := r.target(base, plain)
	if target == nil {
		return "", false
	}
	want := r.index.mapping.path(target)
	if got, err := r.served.Parse(plain); err == nil && got.Host == r.served.Host && got.Scheme == r.served.Scheme &&
		got.User == nil && requestURI(got) == want {
		return "", false
	}
	return want, true
}

// target is what a URI meant where it was recorded, nil for what is no address.
func (r *rewriting) target(base *url.URL, uri string) *url.URL {
	if base.Scheme == "file" {
		return r.fileTarget(base, uri)
	}
	u, err := base.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil
	}
	u.Fragment, u.RawFragment = "", ""
	return u
}

// fileTarget is target for a playlist in a file: its URIs may be file names, or escaped. The one that was recorded is taken.
func (r *rewriting) fileTarget(base *url.URL, uri string) *url.URL {
	if strings.Contains(uri, ":") {
		if u, err := parseAddress(uri); err == nil {
			return u
		}
		if u, err := url.Parse(uri); err == nil && u.Scheme != "" && !strings.HasPrefix(uri, u.Scheme+"://") {
			return nil // data:…
		}
	}
	join := func(name string) *url.URL {
		if !path.IsAbs(name) {
			name = path.Join(path.Dir(base.Path), name)
		}
		return &url.URL{Scheme: "file", Path: path.Clean(name)}
	}
	literal := join(uri)
	if r.index.byPath[r.index.mapping.path(literal)] != nil {
		return literal
	}
	plain, _, _ := strings.Cut(uri, "?")
	name, err := url.PathUnescape(plain)
	if err != nil {
		return literal
	}
	return join(name)
}
