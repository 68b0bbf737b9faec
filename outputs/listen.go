package outputs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// acceptPause is how long no connection is taken after that has failed: for want of files or memory, which others must
// give back.
const acceptPause = 100 * time.Millisecond

// sendBuffer is how much of the stream the kernel may hold for a consumer, in bytes: half a second at 4 Mbit/s. Left to
// itself it grows to some megabytes, and it would take long to see that the consumer has stopped reading.
const sendBuffer = 256 << 10

// limitBuffer bounds what the kernel holds for a consumer.
func limitBuffer(conn net.Conn) {
	if c, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
		_ = c.SetWriteBuffer(sendBuffer) // without it the stream flows as well
	}
}

// ListenTS serves MPEG-TS to whoever connects, each from a key frame on, and drops what they send. It returns nil when the
// stream has ended and everybody has the rest of it, ctx's error when ctx has ended, and another error when the listener
// fails for good; nothing that it started is left then, and the listener is closed.
func (h *Hub) ListenTS(ctx context.Context, l net.Listener) error {
	o := h.newOutput(KindTCPTS, "tcp://"+l.Addr().String())
	return h.listen(ctx, l, o, func(ctx context.Context, conn net.Conn) error { return h.sendTS(ctx, conn, o) })
}

// listen takes connections until the stream or ctx has ended, and gives each to serve, which closes it.
func (h *Hub) listen(ctx context.Context, l net.Listener, o *output, serve func(context.Context, net.Conn) error) error {
	defer o.setState(StateEnded)
	o.setState(StateListening)
	defer l.Close()
	defer o.quiet.Flush()
	var running sync.WaitGroup
	defer running.Wait()
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, end := range []context.Context{ctx, h.closed} {
		stop := context.AfterFunc(end, func() { l.Close() })
		defer stop()
	}
	failing := false
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			failing = false
		case ctx.Err() != nil:
			return ctx.Err()
		case h.closed.Err() != nil:
			running.Wait() // they get what is left
			return ctx.Err()
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept connection on %s: %w", l.Addr(), err)
		default:
			o.failed(err, cause(err))
			if !failing {
				o.consumers.Warn("no connection can be taken for the moment", "error", cause(err))
			}
			failing = true
			h.pause(ctx, acceptPause)
			continue
		}
		if !o.enter() {
			conn.Close()
			continue
		}
		limitBuffer(conn)
		running.Go(func() {
			defer o.leave()
			o.gone(conn.RemoteAddr().String(), serve(serving, conn))
		})
	}
}
