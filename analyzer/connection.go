package analyzer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/refstream/refstream/hlsclient"
)

// connection is an open stream of bytes.
type connection struct {
	io.ReadCloser
	// hint is the kind that the address or the Content-Type says, empty for none.
	hint Kind
	// playlist says that it is a compressed playlist, which is read anew.
	playlist bool
	// finite says that the stream has an end after which nothing can follow.
	finite bool
	// tail is the file that may be read as it grows, nil for what isn't one.
	tail *tailFile
	// through says how the bytes come, for people.
	through string
}

// StatusError is a server's answer that is no stream.
type StatusError struct {
	URL    string
	Status int
}

// Error says what was asked for and what the answer was.
func (e *StatusError) Error() string {
	return fmt.Sprintf("GET %s: %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// connect opens a stream of bytes, which ends with w's context.
func connect(w *watchdog, t target, o Options) (*connection, error) {
	switch t.scheme {
	case schemeHTTP:
		return connectHTTP(w, t, o)
	case schemeTCP:
		return connectTCP(w, t)
	case schemeUDP:
		return connectUDP(w, t)
	}
	f, err := OpenFile(w.ctx, t.path)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory: give a file in it", t.path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open stream: %w", err)
	}
	tail := &tailFile{f: f, ctx: w.ctx, stall: o.Stall}
	return &connection{ReadCloser: tail, hint: t.hint, finite: true, tail: tail, through: "file"}, nil
}

func connectHTTP(w *watchdog, t target, o Options) (*connection, error) {
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, t.text, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity") // a short answer can't become a long one
	resp, err := o.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", w.explain(err))
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("open stream: %w", &StatusError{t.text, resp.StatusCode})
	}
	hint := kindOfType(resp.Header.Get("Content-Type"))
	if hint == "" {
		hint = t.hint
	}
	c := &connection{ReadCloser: resp.Body, hint: hint, finite: resp.ContentLength >= 0, through: "HTTP"}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		if c.playlist = hint == KindHLS; !c.playlist {
			resp.Body.Close()
			return nil, fmt.Errorf("open stream: %w: it is sent as %.20q (Content-Encoding): have the server send it as it is", hlsclient.ErrCoding, coding)
		}
	}
	return c, nil
}

// connectTCP connects, or waits for a connection.
func connectTCP(w *watchdog, t target) (*connection, error) {
	if t.listens() {
		w.working() // nobody need come
		c, err := accept(w.ctx, t.url.Host)
		if err != nil {
			return nil, fmt.Errorf("wait for stream: %w", err)
		}
		return &connection{ReadCloser: closeAtEnd(w.ctx, c), through: "TCP from " + c.RemoteAddr().String()}, nil
	}
	var d net.Dialer
	c, err := d.DialContext(w.ctx, "tcp", t.url.Host)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", w.explain(err))
	}
	return &connection{ReadCloser: closeAtEnd(w.ctx, c), through: "TCP"}, nil
}

// accept waits for one connection.
func accept(ctx context.Context, address string) (net.Conn, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	c, err := l.Accept()
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return c, err
}

// boundConn is a connection that is closed when its context ends.
type boundConn struct {
	io.ReadCloser
	ctx  context.Context
	stop func() bool
}

func closeAtEnd(ctx context.Context, c io.ReadCloser) *boundConn {
	return &boundConn{c, ctx, context.AfterFunc(ctx, func() { c.Close() })}
}

// Read reads once; what fails because the context has ended says so.
func (c *boundConn) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if err != nil && c.ctx.Err() != nil {
		err = c.ctx.Err()
	}
	return n, err
}

// Close closes the connection.
func (c *boundConn) Close() error {
	c.stop()
	return c.ReadCloser.Close()
}
