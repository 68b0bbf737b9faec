package hlsclient

import (
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
)

const (
	maxHeader       = 64 << 10 // bounds the header of an answer: eight times what common servers send at the most
	idleConnections = 256      // bounds the connections that are kept open, to all servers together
	// maxCookies is how many cookies are taken, more than any stream needs, and maxCookie how long one may be (RFC 6265, 6.1).
	maxCookies = 512
	maxCookie  = 4 << 10
)

// NewHTTP returns a client for streams, and its transport, which may be changed before use. It keeps cookies (RFC 6265): some
// servers require them for segments.
func NewHTTP() (*http.Client, *http.Transport) {
	jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // it fails never
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: idleConnections, IdleConnTimeout: 90 * time.Second,
		MaxResponseHeaderBytes: maxHeader, TLSHandshakeTimeout: 10 * time.Second,
	}
	return &http.Client{Jar: &boundedJar{Jar: jar, known: map[string]bool{}}, Transport: t}, t
}

// boundedJar takes so many cookies and no more: a server could have it grow with each answer.
type boundedJar struct {
	*cookiejar.Jar

	mu    sync.Mutex
	known map[string]bool // by host, domain, path and name
}

func (j *boundedJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	taken := make([]*http.Cookie, 0, len(cookies))
	for _, c := range cookies {
		key := u.Host + "\n" + c.Domain + "\n" + c.Path + "\n" + c.Name
		if len(key)+len(c.Value) > maxCookie || !j.known[key] && len(j.known) == maxCookies {
			continue
		}
		j.known[key] = true
		taken = append(taken, c)
	}
	j.Jar.SetCookies(u, taken)
}

const maxRedirects = 10 // how many redirections one request follows, as net/http does

// hostPort is the host and port of a URL, in one spelling.
func hostPort(u *url.URL) (host, port string) {
	port = u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Hostname()), port
}

func sameOrigin(a, b *url.URL) bool {
	hostA, portA := hostPort(a)
	hostB, portB := hostPort(b)
	return a.Scheme == b.Scheme && hostA == hostB && portA == portB
}

// trusted reports whether Header may be sent to a URL: to the stream's own origin and to HeaderTo, but not in plain text if
// the stream's address is https.
func (r *reading) trusted(u *url.URL) bool {
	if own := r.at.url; own != nil { // nil for a file
		if sameOrigin(u, own) {
			return true
		}
		if own.Scheme == "https" && u.Scheme != "https" {
			return false
		}
	}
	host, port := hostPort(u)
	return slices.ContainsFunc(r.c.HeaderTo, func(named string) bool {
		named = strings.ToLower(named)
		return named == host || named == "["+host+"]" || named == net.JoinHostPort(host, port)
	})
}

// setHeader sets a request's header, with Header where that is allowed. Bodies are requested uncompressed: a short answer can't
// become a long one.
func (r *reading) setHeader(req *http.Request) {
	req.Header.Set("Accept-Encoding", "identity")
	trusted := r.trusted(req.URL)
	for name, values := range r.c.Header {
		switch {
		case trusted:
			req.Header[name] = slices.Clone(values)
		case name != "Accept-Encoding" && name != "Range":
			delete(req.Header, name) // of the request that was redirected
		}
	}
}

// withHeader is an http.Client whose requests have the right header wherever they are redirected to.
func (r *reading) withHeader(c *http.Client) *http.Client {
	if c == nil {
		c = http.DefaultClient
	}
	own := *c
	own.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if !sameOrigin(req.URL, via[len(via)-1].URL) {
			req.Header.Del("Referer") // an address may have a token in it
		}
		r.setHeader(req)
		if c.CheckRedirect != nil {
			return c.CheckRedirect(req, via)
		}
		if len(via) >= maxRedirects {
			return errors.New("it was redirected 10 times, and leads nowhere")
		}
		return nil
	}
	return &own
}
