package analyzer

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// schemes of addresses.
const (
	schemeFile = "file"
	schemeHTTP = "http"
	schemeTCP  = "tcp"
	schemeUDP  = "udp"
	schemeRTMP = "rtmp"
)

// target is the address of a stream.
type target struct {
	text   string // as given
	scheme string
	url    *url.URL // nil for a file
	path   string   // of a file
	hint   Kind     // what the address says, empty for nothing
}

// parseTarget reads http, https, rtmp, rtmps, tcp, udp and file URLs and paths of files.
func parseTarget(text string) (target, error) {
	if text == "" {
		return target{}, errors.New("parse address: it is empty")
	}
	scheme, _, isURL := strings.Cut(text, "://")
	if !isURL {
		return target{text: text, scheme: schemeFile, path: text, hint: kindOfName(text)}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return target{}, errors.New("parse address: it is not a URL") // that error repeats it, with all its secrets
	}
	t := target{text: text, scheme: strings.ToLower(scheme), url: u, hint: kindOfName(u.Path)}
	switch t.scheme {
	case schemeFile:
		t.path, t.url = filepath.FromSlash(u.Path), nil
		return t, nil
	case "https":
		t.scheme = schemeHTTP
		fallthrough
	case schemeHTTP:
		if u.Hostname() == "" {
			return target{}, fmt.Errorf("parse address: no host in %q", u.Redacted())
		}
	case schemeRTMP, "rtmps":
		t.hint = KindRTMP
	case schemeTCP, schemeUDP:
		if u.Port() == "" {
			return target{}, fmt.Errorf("parse address: no port in %q: give one, as in %s://host:4444", u.Redacted(), t.scheme)
		}
		t.hint = ""
	default:
		return target{}, fmt.Errorf("parse address: scheme %q is not read: use http, https, rtmp, rtmps, tcp, udp or file, or a path",
			scheme)
	}
	return t, nil
}

// listens reports whether a tcp address is one to wait for a connection at, as ffmpeg has it: tcp://host:port?listen.
func (t target) listens() bool {
	q := t.url.Query()
	return q.Has("listen") && q.Get("listen") != "0"
}

// address is what a client of HLS reads: a file by its path.
func (t target) address() string {
	if t.scheme == schemeFile {
		return t.path
	}
	return t.text
}
