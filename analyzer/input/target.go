// Package input opens the streams that analyzer reads: it takes addresses apart, connects over HTTP, TCP or UDP or opens a file,
// finds the kind of a stream, and gives up a connection on which nothing comes.
package input

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

const (
	schemeFile = "file"
	schemeHTTP = "http"
	schemeTCP  = "tcp"
	schemeUDP  = "udp"
	schemeRTMP = "rtmp"
)

// Target is the address of a stream.
type Target struct {
	Text   string // as given
	scheme string
	url    *url.URL // nil for a file
	Path   string   // of a file
	Hint   Kind     // what the address says, empty for nothing
}

// ParseTarget reads http, https, rtmp, rtmps, tcp, udp and file URLs and paths of files.
func ParseTarget(text string) (Target, error) {
	if text == "" {
		return Target{}, errors.New("parse address: it is empty")
	}
	scheme, _, isURL := strings.Cut(text, "://")
	if !isURL {
		return Target{Text: text, scheme: schemeFile, Path: text, Hint: kindOfName(text)}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, errors.New("parse address: it is not a URL") // that error repeats it, with all its secrets
	}
	t := Target{Text: text, scheme: strings.ToLower(scheme), url: u, Hint: kindOfName(u.Path)}
	switch t.scheme {
	case schemeFile:
		t.Path, t.url = filepath.FromSlash(u.Path), nil
		return t, nil
	case "https":
		t.scheme = schemeHTTP
		fallthrough
	case schemeHTTP:
		if u.Hostname() == "" {
			return Target{}, fmt.Errorf("parse address: no host in %q", u.Redacted())
		}
	case schemeRTMP, "rtmps":
		t.Hint = RTMP
	case schemeTCP, schemeUDP:
		if u.Port() == "" {
			return Target{}, fmt.Errorf("parse address: no port in %q: give one, as in %s://host:4444", u.Redacted(), t.scheme)
		}
		t.Hint = ""
	default:
		return Target{}, fmt.Errorf("parse address: scheme %q is not read: use http, https, rtmp, rtmps, tcp, udp or file, or a path",
			scheme)
	}
	return t, nil
}

// Address is what a client of HLS reads: a file by its path.
func (t Target) Address() string {
	if t.scheme == schemeFile {
		return t.Path
	}
	return t.Text
}
