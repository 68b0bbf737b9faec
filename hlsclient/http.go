package hlsclient

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
)

const (
	// maxHeader bounds the header of an answer: eight times what common servers send at the most.
	maxHeader = 64 << 10
	// idleConnections bounds the connections that are kept open, to all servers together.
	idleConnections = 256
	// maxCookies is how many cookies are taken, more than any stream needs, and maxCookie how long one may be (RFC 6265, 6.1).
	maxCookies = 512
	maxCookie  = 4 << 10
)

// NewHTTP makes what requests for streams can be made with, with its transport, which may be changed before it is used. Cookies
// go where RFC 6265 has them go: some answers set what the requests for segments must have.
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

// SetCookies takes cookies that are known, or for which there is room.
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
