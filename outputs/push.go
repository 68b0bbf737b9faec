package outputs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/refstream/refstream/format/rtmp"
)

// keepAlive finds targets that are gone without a word while the stream pauses: after 15 s idle, every 5 s, 3 times.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}
}

// PushTo sends the stream to a target until it has ended, which is no error, or ctx, whose error it returns. A target that
// is absent, refuses, goes away or does not read is tried again, at growing distances up to some seconds; each connection
// begins at a key frame. Changes are logged.
func (h *Hub) PushTo(ctx context.Context, t Target) error {
	if t == (Target{}) {
		return errors.New("push: there is no target: ParsePush makes one")
	}
	o := h.newOutput(KindPush, t.String())
	push := h.pushTS
	if t.tcp == "" {
		push = h.pushRTMP
	}
	return h.supervise(ctx, o, func(ctx context.Context, up func(string)) error {
		return push(ctx, o, t, up)
	})
}

// connect makes a connection to a push's target.
func (h *Hub) connect(ctx context.Context, t Target) (net.Conn, error) {
	dialer := net.Dialer{Timeout: h.times.connect, KeepAliveConfig: keepAlive()}
	conn, err := dialer.DialContext(ctx, "tcp", t.address())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	limitBuffer(conn)
	return conn, nil
}

// pushTS sends MPEG-TS over one connection.
func (h *Hub) pushTS(ctx context.Context, o *output, t Target, up func(string)) error {
	conn, err := h.connect(ctx, t)
	if err != nil {
		return err
	}
	up(StateConnected)
	return h.sendTS(ctx, conn, o)
}

// pushRTMP publishes over one connection.
func (h *Hub) pushRTMP(ctx context.Context, o *output, t Target, up func(string)) error {
	conn, err := h.connect(ctx, t)
	if err != nil {
		return err
	}
	// The server has agreed when it is asked for tags, and only then the stream begins.
	source := &tagSource{hub: h, begun: func() { up(StateConnected) }}
	return rtmp.Publish(ctx, counted{conn, o}, t.rtmp, source, rtmp.Options{WriteTimeout: h.o.WriteTimeout})
}
