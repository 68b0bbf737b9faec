package hlsclient

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxRedirects is how many redirections one request follows, as net/http does.
const maxRedirects = 10

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

// trusted reports whether Header may be sent to a URL: to the origin of the stream's own address, and to the hosts that
// were named, but not in plain text where that address is not.
func (r *reading) trusted(u *url.URL) bool {
	if own := r.at.url; own != nil { // else it is a file
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

// setHeader sets what each request has, and of Header what it may have. Bodies are wanted as they are: players take
// segments so, and a short answer can't become a long one.
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
