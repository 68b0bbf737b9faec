package redis

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// ErrRefused is what an error wraps where Redis answers and refuses to serve: the error has the answer.
var ErrRefused = errors.New("it refuses")

const (
	// refusalTimeout bounds the wait for the reason: it comes at once, and never from a Redis that serves.
	refusalTimeout = 200 * time.Millisecond
	// maxRefusal is longer than any refusal of Redis.
	maxRefusal = 2048
)

// refusal is why Redis closed a connection, nil where it gave no reason. A Redis that takes no connections (protected mode, too
// many clients) writes the reason in one line and closes; the library then reports only that. So one more connection is made, to
// read the line. TLS hides what is written before it begins.
func (s *Store) refusal(err error) error {
	o := s.client.Options()
	closed := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
	if !closed || o.TLSConfig != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, refusalTimeout)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, o.Network, o.Addr)
	if err != nil {
		return nil
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	line, _ := bufio.NewReader(io.LimitReader(c, maxRefusal)).ReadString('\n')
	if line, ok := strings.CutPrefix(strings.TrimSpace(line), "-"); ok {
		return errors.New(line)
	}
	return nil
}
