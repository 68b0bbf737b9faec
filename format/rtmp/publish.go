package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/refstream/refstream/format/flv"
)

// Publish sends a stream to a server over c, of RTMPS in TLS, which it closes before it returns. onMetaData is sent in @setDataFrame, all
// else as it is; times are sent as they are.
//
// It returns nil when the source has come to its end and the server has been told, ctx.Err() when ctx ends, and otherwise
// states why: a server that refuses ([*StatusError]), that does not read (wrapping [ErrSlow]), that closes the
// connection, or whose answers can't be understood or are longer or more than a publisher needs, or the source's error.
// No error has the stream's name in it, nor its query, also where the server quotes it.
func Publish(ctx context.Context, c net.Conn, t Target, src Source, o Options) error {
	c = t.secure(c)
	defer c.Close()
	o = o.withDefaults()
	var s *client
	err := setUp(ctx, c, o, func() (err error) {
		if s, err = connect(c, t, o, true); err != nil {
			return err
		}
		return s.publish(t.Stream)
	})
	if err != nil {
		return err
	}
	return s.send(ctx, t.Stream, src)
}

// publish asks the server to take the stream (7.2.2.6).
func (s *client) publish(name string) error {
	// These two are of Adobe's encoder. Some servers want them, others refuse them, which does no harm.
	if err := s.createStream(s.command(0, "releaseStream", nil, name), s.command(0, "FCPublish", nil, name)); err != nil {
		return err
	}
	if err := s.write(s.command(s.stream, "publish", nil, name, "live")); err != nil {
		return err
	}
	return s.begun("publish", "NetStream.Publish.Start")
}

// send sends what the source gives, while another goroutine reads what the server sends.
func (s *client) send(ctx context.Context, name string, src Source) error {
	sending, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() { s.c.Close() })
	defer stop()
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(s.listen())
	}()
	err := s.sendAll(sending, src)
	if err == nil {
		err = s.finish(name)
	}
	if err == nil || hasLeft(err) {
		// The server closes when it has read everything, or has closed: what it has said until then is read, for it may be
		// the reason. But it must do so in time.
		late := startTimeout(s.o.WriteTimeout, func() { s.c.Close() })
		<-read
		late()
	}
	cause := context.Cause(sending)
	s.c.Close()
	<-read
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case cause != nil:
		return cause
	}
	return err
}

func (s *client) sendAll(ctx context.Context, src Source) error {
	for {
		tags, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read source: %w", err)
		}
		if err := s.write(packetsOf(tags, s.stream, forServer)...); err != nil {
			return err
		}
	}
}

// packetsOf are the messages that tags are sent as.
func packetsOf(tags []flv.Tag, stream uint32, form func(flv.Tag) flv.Tag) []packet {
	packets := make([]packet, len(tags))
	for i, t := range tags {
		packets[i] = packetOf(form(t), stream)
	}
	return packets
}

// finish tells the server that the stream is at its end.
func (s *client) finish(name string) error {
	err := s.write(s.command(0, "FCUnpublish", nil, name), s.command(0, "deleteStream", nil, s.stream))
	if err == nil {
		s.closeWrite()
	}
	return err
}

// listen reads what the server sends while it is sent the stream, until it closes or states that it won't continue.
func (s *client) listen() error {
	for {
		m, err := s.read()
		if hasLeft(err) {
			return fmt.Errorf("server has closed the connection: %w", err)
		}
		if err != nil {
			return err
		}
		if m.typ != typeCommand && m.typ != typeCommandAMF3 {
			continue
		}
		a, err := parseCommand(m)
		if err != nil {
			return fmt.Errorf("read RTMP message before byte %d: %w", s.in.at, err)
		}
		if a.name == "onStatus" && a.property(1, "level") == levelError {
			return s.refusal("publish", a)
		}
	}
}
