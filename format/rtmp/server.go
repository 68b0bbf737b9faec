package rtmp

import (
	"context"
	"errors"
	"net"
	"time"
)

// Server plays streams to clients. Its fields are not changed once it serves; the zero values of those after Play are
// the defaults.
type Server struct {
	// Play gives the stream that a client asks for, by the names of the application and the stream, without slashes at
	// their ends and without a query. An error refuses it as not found; it is not told to the client.
	//
	// It is called in the course of ServeConn, and should not wait.
	Play func(app, stream string) (Source, error)
	// HandshakeTimeout is how long a client may take over the handshake. 0 is 10 s.
	HandshakeTimeout time.Duration
	// IdleTimeout is how long it may then take to play. 0 is 10 s.
	IdleTimeout time.Duration
	// WriteTimeout is how long it may take to accept one batch of tags, and at the end to close. 0 is 5 s.
	WriteTimeout time.Duration
	// ChunkSize is that of what is sent, in bytes, 128 to 10485760. 0 is 65536.
	ChunkSize int
}

// serverLimits bound what a client can make the server hold. Players send commands only, of a few hundred bytes, on
// three or four chunk streams.
var serverLimits = readLimits{message: 64 << 10, streams: 32, held: 128 << 10, paced: true}

// ServeConn serves one client, and closes c before it returns. All that it starts has then ended.
//
// It returns nil when the client has left or the stream has ended, and ctx.Err() when ctx ends. Otherwise it says why it
// has closed the connection: a client that is too slow (wrapping [ErrSlow]), that asks for what isn't there or wants to
// publish, that says nothing or too much, or whose bytes are no RTMP, or the source's error. What somebody who wants to
// publish calls his stream is not named: it is often a secret.
func (s *Server) ServeConn(ctx context.Context, c net.Conn) error {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	session := &session{s: s.withDefaults(), c: c}
	err := session.run(ctx)
	var refused *StatusError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrSlow), errors.As(err, &refused):
		return err
	case hasLeft(err):
		return nil
	}
	return err
}

func (s *Server) withDefaults() Server {
	or := func(d, other time.Duration) time.Duration {
		if d <= 0 {
			return other
		}
		return d
	}
	return Server{
		Play:             s.Play,
		HandshakeTimeout: or(s.HandshakeTimeout, defaultSetupTimeout),
		IdleTimeout:      or(s.IdleTimeout, defaultSetupTimeout),
		WriteTimeout:     or(s.WriteTimeout, defaultWriteTimeout),
		ChunkSize:        chunkSizeOr(s.ChunkSize),
	}
}
