package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// session is the server's side of one connection. Its fields belong to the goroutine that reads.
type session struct {
	s Server
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
	if err := s.within(s.s.HandshakeTimeout, "handshake", s.open); err != nil {
		return err
	}
	err := s.within(s.s.IdleTimeout, "play", s.prepare)
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
	t := startTimeout(d, func() { s.c.Close() })
	err := step()
	if t.end() {
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

// prepare carries out what the client says until it plays.
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

// stream sends what the source gives in another goroutine, and goes on with what the client says.
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
			t := startTimeout(s.s.WriteTimeout, func() { s.c.Close() })
			<-ctx.Done()
			t.end()
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

// send sends what the source gives up to its end, and says that it is the end.
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
	if err := s.end(stream); err != nil {
		return err
	}
	s.closeWrite()
	return nil
}

// end says that the stream is at its end, in all the ways that clients look for.
func (s *session) end(stream uint32) error {
	unpublished, err := status(stream, levelStatus, "NetStream.Play.UnpublishNotify", "The stream has ended.")
	if err != nil {
		return err
	}
	stopped, err := status(stream, levelStatus, "NetStream.Play.Stop", "The stream has ended.")
	if err != nil {
		return err
	}
	return s.write(control(userControl(eventStreamEOF, stream)), unpublished, stopped)
}
