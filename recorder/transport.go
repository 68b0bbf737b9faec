package recorder

import (
	"io"
	"net/http"
	"time"

	"github.com/refstream/refstream/hlsclient"
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
	c, transport := hlsclient.NewHTTP()
	transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = connections, idle
	c.Transport = once{transport, nothing{}}
	return c
}

// once makes each request once. net/http repeats one in silence where a connection that was in use before is closed without
// an answer, which is an outcome that is to be recorded. It does not repeat one with a body that can't be had again. Over
// HTTP/1 an empty one of unknown length is no other request, if it is told not to send it in chunks, as it would where it
// can't tell within 200 ms that there is nothing. Over HTTP/2 it would be another, and so TLS is left alone.
type once struct {
	*http.Transport
	body io.ReadCloser // empty
}

// RoundTrip makes the request.
func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" && (r.Body == nil || r.Body == http.NoBody) {
		r = r.WithContext(r.Context()) // a copy
		r.Body, r.GetBody, r.TransferEncoding = o.body, nil, []string{"identity"}
	}
	return o.Transport.RoundTrip(r)
}

// nothing is an empty body.
type nothing struct{}

// Read is at the end.
func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

// Close has nothing to do.
func (nothing) Close() error { return nil }
