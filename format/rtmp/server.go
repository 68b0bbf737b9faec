package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Server plays streams to clients. Its fields are not changed once it serves.
type Server struct {
	// Play gives the stream that a client asks for, by the names of the application and the stream, without slashes at
	// their ends and without a query. An error refuses it as not found; it is not told to the client.
	//
	// It is called in the course of ServeConn, and should not wait.
	Play func(app, stream string) (Source, error)
	Options
}

// serverLimits bound what a client can make the server hold. Players send commands only, of a few hundred bytes, on
// three or four chunk streams.
var serverLimits = readLimits{message: 64 << 10, streams: 32, held: 128 << 10, paced: true}

// ServeConn serves one client, and closes c before it returns. All that it starts has then ended.
//
// It returns nil when the client has left or the stream has ended, and ctx.Err() when ctx ends. Otherwise it states why it
// has closed the connection: a client that is too slow (wrapping [ErrSlow]), that asks for what isn't there or wants to
// publish, that says nothing or too much, or whose bytes are no RTMP, or the source's error. What somebody who wants to
// publish calls his stream is not named: it is often a secret.
func (s *Server) ServeConn(ctx context.Context, c net.Conn) error {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	session := &session{s: &Server{s.Play, s.withDefaults()}, c: c}
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

// session is the server's side of one connection. Its fields belong to the goroutine that reads.
type session struct {
	s *Server
	c net.Conn
	*peer
	connected bool
	app       string
	streams   uint32 // message streams made
	source    Source // once there is something to play
	playing   uint32 // the message stream that it is played on
}

// errDone ends a session well, at the client's wish.
var errDone = errors.New("client is done")

// run serves the client until either side is at the end.
func (s *session) run(ctx context.Context) error {
	if err := s.within(s.s.SetupTimeout, "handshake", s.open); err != nil {
		return err
	}
	err := s.within(s.s.SetupTimeout, "play", s.prepare)
	var refused *StatusError
	switch {
	case errors.Is(err, errDone):
		return nil
	case errors.As(err, &refused):
		s.closeWrite()
		s.drain(s.s.WriteTimeout)
		return err
	case err != nil:
		return err
	}
	return s.stream(ctx)
}

// within carries out a step that the client must not take longer over than is given.
func (s *session) within(d time.Duration, what string, step func() error) error {
	late := startTimeout(d, func() { s.c.Close() })
	err := step()
	if late() {
		return fmt.Errorf("wait for RTMP client's %s: %w: %v", what, errTimeout, d)
	}
	return err
}

// open makes the handshake.
func (s *session) open() error {
	r := handshakeReader(s.c)
	if err := acceptHandshake(r, s.c); err != nil {
		return err
	}
	s.peer = newPeer(s.c, r, serverLimits, s.s.WriteTimeout)
	return nil
}

// prepare carries out what the client sends until it plays.
func (s *session) prepare() error {
	for s.source == nil {
		if err := s.step(); err != nil {
			return err
		}
	}
	return nil
}

// step carries out one message of the client's. It returns errDone when the client wants to end, and a *StatusError,
// which it has been sent, when it wants what it can't have.
func (s *session) step() error {
	m, err := s.read()
	if err != nil {
		return err
	}
	if m.typ != typeCommand && m.typ != typeCommandAMF3 {
		return nil // media that nobody asked for, and user control messages
	}
	c, err := parseCommand(m)
	if err != nil {
		return fmt.Errorf("read RTMP message before byte %d: %w", s.in.at, err)
	}
	return s.carryOut(m.stream, c)
}

// stream sends what the source gives in another goroutine, and continues with what the client sends.
func (s *session) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	sent := make(chan error, 1)
	src, id := s.source, s.playing
	go func() {
		err := s.send(ctx, src, id)
		if err != nil {
			cancel(err)
			s.c.Close() // which ends the reading below
		} else {
			// The client closes when it has read everything, which ends the reading too; but it must do so in time.
			late := startTimeout(s.s.WriteTimeout, func() { s.c.Close() })
			<-ctx.Done()
			late()
		}
		sent <- err
	}()
	var err error
	for err == nil {
		err = s.step()
	}
	cancel(err)
	s.c.Close() // what is being written is not waited for
	if err := <-sent; err == nil {
		return nil
	}
	// Of what has failed on either side, the first is the cause of the other.
	if err = context.Cause(ctx); errors.Is(err, errDone) {
		return nil
	}
	return err
}

// send sends what the source gives up to its end, and states that it is the end.
func (s *session) send(ctx context.Context, src Source, stream uint32) error {
	for {
		tags, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read source: %w", err)
		}
		if err := s.write(packetsOf(tags, stream, forPlayer)...); err != nil {
			return err
		}
	}
	// The end is announced in all the ways that clients look for.
	err := s.write(control(userControl(eventStreamEOF, stream)),
		status(stream, levelStatus, "NetStream.Play.UnpublishNotify", "The stream has ended."),
		status(stream, levelStatus, "NetStream.Play.Stop", "The stream has ended."))
	if err == nil {
		s.closeWrite()
	}
	return err
}
