package outputs

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/refstream/refstream/stream"
)

// pump sends what a reader gets until the stream ends, which is no error. bytes makes what is sent of a payload, the first
// one or a later one.
func pump[T any](ctx context.Context, r *stream.Reader[T], bytes func(payload T, first bool) []byte, send func([]byte) error) error {
	for first := true; ; first = false {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := send(bytes(c.Payload, first)); err != nil {
			return err
		}
	}
}

// tsBytes is MPEG-TS as it is sent: each key frame has the tables before it.
func tsBytes(packets []byte, _ bool) []byte { return packets }

// flvBytes is FLV as it is sent.
func flvBytes(c *flvChunk, first bool) []byte {
	if first {
		return c.beginBytes()
	}
	return c.tagsBytes
}

// sendTS sends the stream over a connection, from a key frame to its end. It closes the connection.
//
// Whatever the peer sends is read and dropped: unread, it would make the end of the stream a reset. A peer that sends
// no more may still read.
func (h *Hub) sendTS(ctx context.Context, conn net.Conn, o *output) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(inner, func() { _ = conn.SetDeadline(longAgo()) })
	defer stop()
	peerClosed := make(chan struct{})
	go func() {
		defer close(peerClosed)
		if _, err := io.Copy(io.Discard, conn); err != nil {
			cancel(err)
		}
	}()
	limit := deadline{set: conn.SetWriteDeadline, timeout: h.o.WriteTimeout}
	err := pump(inner, h.ts.Join(), tsBytes, func(b []byte) error {
		return limit.keep(func() error {
			n, err := conn.Write(b)
			o.sent(n)
			return err
		})
	})
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case inner.Err() != nil && !tooSlow(err):
		err = context.Cause(inner) // what the reading side met first is the reason
	case err == nil:
		h.farewell(ctx, conn, peerClosed)
	}
	hangUp(conn, err)
	<-peerClosed
	return err
}

// farewell ends the stream to the peer and waits a moment for it to hang up: peerClosed is closed then. Closing at
// once could destroy what is under way to it.
func (h *Hub) farewell(ctx context.Context, conn net.Conn, peerClosed <-chan struct{}) {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	timer := time.NewTimer(h.times.farewell)
	defer timer.Stop()
	select {
	case <-peerClosed:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hangUp closes a connection. What a peer that was too slow has not taken is dropped, not kept for it.
func hangUp(conn net.Conn, err error) {
	if tcp, ok := conn.(*net.TCPConn); ok && tooSlow(err) {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}

// cause is an error's text without the addresses of connections: the local one is another one with each attempt, and the
// same cause must read the same. Errors of connections have them, also within one another, and so
// does a failed name lookup.
func cause(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok {
		return err.Error()
	}
	for {
		inner, ok := errors.AsType[*net.OpError](op.Err)
		if !ok {
			break
		}
		op = inner
	}
	if dns, ok := errors.AsType[*net.DNSError](op.Err); ok {
		return op.Op + ": look up " + dns.Name + ": " + dnsCause(dns)
	}
	return op.Op + ": " + op.Err.Error()
}

// dnsCause is why a name was not found.
func dnsCause(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "no such host"
	case err.IsTimeout:
		return "the name server does not answer in time"
	}
	return "the name server is of no help"
}
