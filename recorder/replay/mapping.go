package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

const (
	streamPath   = "/stream.m3u8" // where the session's own playlist is
	originPrefix = "/_origin/"    // where things of other hosts are
)

// mapping maps addresses of the recording to paths of the replay.
type mapping struct {
	first  string // the address of the session's own playlist, without its fragment
	origin string // its scheme and host; empty for a file
	dir    string // of a file, its folder with / at the end
}

func newMapping(address string) (mapping, error) {
	u, err := parseAddress(address)
	if err != nil {
		return mapping{}, err
	}
	m := mapping{first: identity(u)}
	if u.Scheme == "file" {
		m.dir = strings.TrimSuffix(path.Dir(path.Clean(u.Path)), "/") + "/"
	} else {
		m.origin = origin(u)
	}
	return m, nil
}

// parseAddress reads an absolute address. Errors don't repeat it, as it may have a password.
func parseAddress(address string) (*url.URL, error) {
	if strings.HasPrefix(address, "/") { // a file
		return &url.URL{Scheme: "file", Path: address}, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("parse address: one that was recorded is no URL")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.Scheme == "file" && strings.HasPrefix(u.Path, "/"):
		return u, nil
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
		return u, nil
	}
	return nil, fmt.Errorf("parse address: one that was recorded is no http, https or file URL, but %.10q", u.Scheme)
}

// origin is the scheme and host of a URL, without a user and in one spelling.
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return u.Scheme + "/" + host
}

// identity is a URL without what is not asked of its server.
func identity(u *url.URL) string {
	if u.Scheme == "file" {
		return "file://" + path.Clean(u.Path)
	}
	return origin(u) + requestURI(u)
}

func requestURI(u *url.URL) string {
	p := u.EscapedPath()
	if p == "" {
		p = "/"
	}
	if u.RawQuery != "" || u.ForceQuery {
		p += "?" + u.RawQuery
	}
	return p
}

// path is where u is in the replay, with its query.
func (m mapping) path(u *url.URL) string {
	if u.Scheme == "file" {
		return m.filePath(path.Clean(u.Path))
	}
	at := requestURI(u)
	if from := origin(u); from != m.origin || m.taken(at) && identity(u) != m.first {
		return originPrefix + from + at
	}
	return at
}

// filePath is the path of a file. Outside the playlist's folder it is a hash, because the real path is private.
func (m mapping) filePath(name string) string {
	below, inside := strings.CutPrefix(name, m.dir)
	if at := "/" + below; m.dir != "" && inside && (!m.taken(at) || "file://"+name == m.first) {
		return (&url.URL{Path: at}).EscapedPath()
	}
	sum := sha256.Sum256([]byte(name))
	return (&url.URL{Path: originPrefix + "file/" + hex.EncodeToString(sum[:8]) + "/" + path.Base(name)}).EscapedPath()
}

// taken reports whether a path has a meaning here.
func (m mapping) taken(at string) bool {
	at, _, _ = strings.Cut(at, "?")
	return at == streamPath || strings.HasPrefix(at, originPrefix)
}
