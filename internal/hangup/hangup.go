// Package hangup ends the connection of an HTTP request in the middle of an answer, so that the client sees the end that is meant:
// an end of the stream, or a reset (RFC 9293, 3.6 and 3.10.7.4).
package hangup

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// leave is how long a client has to take what was sent before its connection is reset.
const leave = 2 * time.Second

// Take takes the connection from the server. What was written before is on its way once it was flushed. The error is that there is none
// to take: of HTTP/2 for example, whose server takes a panic with [http.ErrAbortHandler] for the end of the stream.
func Take(w http.ResponseWriter) (net.Conn, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	return conn, err
}

// Close ends a connection. The client gets all that was sent, and the end of the stream.
func Close(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	tcp, ok := conn.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil {
		return
	}
	// With bytes that were not read the end would be a reset, which takes back what is still on the way: wait until the client has
	// seen the end, and has left.
	ctx, cancel := context.WithTimeout(ctx, leave)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = tcp.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = tcp.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, tcp)
	_ = tcp.SetLinger(0)
}

// Reset resets a connection, once the client's system has all that was sent, as far as can be seen here.
func Reset(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leave)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for unsent(tcp) > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	_ = tcp.SetLinger(0)
}
