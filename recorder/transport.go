package recorder

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"
)

const (
	// connections is how many to one server are kept open: a playlist and a segment each of many variants.
	connections = 64
	// idle is how long a connection is kept that is not used: less than the 5 s after which common servers close it, which a
	// request should not run into.
	idle = 4 * time.Second
)

// newHTTP makes what a recording's requests are made with.
func newHTTP() *http.Client {
	jar, _ := cookiejar.New(nil) // it fails never; some playlists' answers set what their segments' requests must have
	return &http.Client{Jar: jar, Transport: once{&http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: connections, IdleConnTimeout: idle,
	}}}
}

// once makes each request once. net/http repeats one in silence where a connection that was in use before is closed without
// an answer, which is an outcome that is to be recorded. It does not repeat one with a body that can't be had again: over
// HTTP/1 an empty one of unknown length is no other request. Over HTTP/2 it would be, and so TLS is left alone.
type once struct{ *http.Transport }

// RoundTrip makes the request.
func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" && (r.Body == nil || r.Body == http.NoBody) {
		r = r.WithContext(r.Context()) // a copy
		r.Body, r.GetBody = nothing{}, nil
	}
	return o.Transport.RoundTrip(r)
}

// nothing is an empty body.
type nothing struct{}

// Read is at the end.
func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

// Close has nothing to do.
func (nothing) Close() error { return nil }
