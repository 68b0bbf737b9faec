package redis

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// ErrRefused is what an error wraps where Redis answers and refuses to serve: the error has the answer.
var ErrRefused = errors.New("it refuses")

// A Redis that takes no connections (protected mode, too many clients) gives the reason in one line and closes the connection. The library
// then reports that it was closed. So the connections keep what was said.

// heard is the line with which Redis refused the last connection, nil where it did not.
type heard struct{ line atomic.Pointer[string] }

// dialer makes connections that note how they are refused. TLS hides what is said before it begins: there it is as it was.
func (h *heard) dialer(o *redis.Options) func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(o)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if sys, ok := c.(syscall.Conn); ok { // by which the library sees whether a connection is alive
			return &listening{Conn: c, Syscall: sys, heard: h}, nil
		}
		return c, nil
	}
}

// reply is what Redis said before err, nil where err has another cause.
func (h *heard) reply(err error) error {
	line := h.line.Load()
	if line == nil || !closedByPeer(err) {
		return nil
	}
	return errors.New(*line)
}

func closedByPeer(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ECONNABORTED)
}

// listening is a connection that notes what Redis says first, if that is all that it says. It is read by one goroutine at a time.
type listening struct {
	net.Conn
	Syscall syscall.Conn
	heard   *heard
	said    []byte // up to maxSaid
	more    bool   // than a line
}

// maxSaid is longer than any refusal of Redis.
const maxSaid = 2048

// SyscallConn is the connection's.
func (c *listening) SyscallConn() (syscall.RawConn, error) { return c.Syscall.SyscallConn() }

// Read takes note of what is read.
func (c *listening) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.more && n > 0 {
		c.said = append(c.said, b[:n]...)
		_, rest, whole := bytes.Cut(c.said, []byte("\r\n"))
		if c.more = c.said[0] != '-' || whole && len(rest) > 0 || len(c.said) > maxSaid; c.more {
			c.said = nil
			c.heard.line.Store(nil)
		}
	}
	if err != nil && closedByPeer(err) {
		c.refused()
	}
	return n, err
}

// Write reads what was said where the other side has closed the connection.
func (c *listening) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil && closedByPeer(err) {
		if len(c.said) == 0 && !c.more {
			_, _ = c.Read(make([]byte, maxSaid)) // it does not wait: nothing more comes
		}
		c.refused()
	}
	return n, err
}

func (c *listening) refused() {
	if line, _, _ := strings.Cut(string(c.said), "\r\n"); line != "" {
		line = strings.TrimPrefix(line, "-")
		c.heard.line.Store(&line)
	}
}
