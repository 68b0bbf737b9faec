package hlsclient

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/refstream/refstream/internal/redact"
)

// maxURI bounds what a server names something by: twice what common servers take (RFC 9110, 4.1).
const maxURI = 16 << 10

// location is where something is: at a URL, or in a local file.
type location struct {
	url  *url.URL // nil for a file
	path string
	// representation of a manifest is the one to read, empty for none; of a URL it is the fragment.
	representation string
}

// parseLocation reads the address of a playlist.
func parseLocation(text string) (location, error) {
	scheme, _, isURL := strings.Cut(text, "://")
	if text == "" {
		return location{}, errors.New("parse address: it is empty")
	}
	if !isURL {
		return location{path: text}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return location{}, errors.New("parse address: it is not a URL") // that error repeats it, with all its secrets
	}
	switch strings.ToLower(scheme) {
	case "file":
		return location{path: filepath.FromSlash(u.Path)}, nil
	case "http", "https":
		if u.Hostname() == "" {
			return location{}, fmt.Errorf("parse address: no host in %q", u.Redacted())
		}
		return location{url: u}, nil
	}
	return location{}, fmt.Errorf("parse address: scheme %q is not read: use http, https or file, or a path", scheme)
}

// resolve finds what a URI in a playlist at l names. A remote playlist can't name local files, which an untrusted server could
// read otherwise.
func (l location) resolve(uri string) (location, error) {
	if uri == "" {
		return location{}, errors.New("resolve URI: it is empty")
	}
	if name, ok := strings.CutPrefix(uri, "#"); ok {
		l.representation = name
		if l.url != nil {
			u := *l.url
			u.Fragment, l.url = name, &u
		}
		return l, nil
	}
	if l.url == nil {
		if strings.Contains(uri, "://") {
			return parseLocation(uri)
		}
		return location{path: l.beside(uri)}, nil
	}
	if len(uri) > maxURI {
		return location{}, fmt.Errorf("resolve URI: %s is longer than %d bytes", redact.Excerpt(redact.Text(uri)), maxURI)
	}
	u, err := l.url.Parse(uri)
	if err != nil {
		return location{}, fmt.Errorf("resolve URI: %s is none", redact.Excerpt(redact.Text(uri)))
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return location{}, fmt.Errorf("resolve URI: a playlist of a server names something by %s, not http or https", redact.Excerpt(u.Scheme))
	}
	return location{url: u}, nil
}

// beside is the path of a file that a local playlist names: literally, as many writers have it, or as a URI.
func (l location) beside(uri string) string {
	join := func(name string) string {
		name = filepath.FromSlash(name)
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(filepath.Dir(l.path), name)
	}
	literal := join(uri)
	if _, err := os.Stat(literal); err == nil {
		return literal
	}
	plain, _, _ := strings.Cut(uri, "?")
	if name, err := url.PathUnescape(plain); err == nil {
		if path := join(name); path != literal {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	return literal
}

func (l location) String() string {
	if l.url != nil {
		return l.url.String()
	}
	path := l.path
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), Fragment: l.representation}).String()
}

// redacted is String without a password.
func (l location) redacted() string {
	if l.url != nil {
		return l.url.Redacted()
	}
	return l.String()
}

func (l location) query() url.Values {
	if l.url == nil {
		return nil
	}
	return l.url.Query()
}
