package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/internal/redact"
)

// clientLimits bound what a server can make a player hold: one message of the longest there is and room for a second in
// parts; the chunk streams that servers use are fewer than ten.
var clientLimits = readLimits{message: maxBody, streams: 64, held: 2 * maxBody}

// publishLimits are those of a publisher: the answers to its commands have a few hundred bytes. Of AMF0, 64 KiB make no
// more than some megabytes of values.
var publishLimits = readLimits{message: 64 << 10, streams: 64, held: 128 << 10, paced: true}

// client is the client's side of a connection.
type client struct {
	*peer
	o      Options
	lastID float64        // transaction of the last command
	stream uint32         // message stream, once there is one
	hides  redact.Secrets // in what the server sends
}

// setUp carries out step, the part of a session in which every answer must come within the set-up time. Ending ctx ends
// it as well.
func setUp(ctx context.Context, c net.Conn, o Options, step func() error) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	late := startTimeout(o.SetupTimeout, func() { c.Close() })
	err := step()
	switch late := late(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case late:
		return fmt.Errorf("set up RTMP: %w: nothing came of it in %v", errTimeout, o.SetupTimeout)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("set up RTMP: server has closed the connection: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, syscall.ECONNRESET): // it closed before it had read all
		return fmt.Errorf("set up RTMP: server has closed the connection: %w", err)
	}
	return err
}

// connect makes the handshake and the connection to the application (7.2.1.1). c has come through Target.secure.
func connect(c net.Conn, t Target, o Options, publish bool) (*client, error) {
	r := handshakeReader(c)
	if err := offerHandshake(r, c); err != nil {
		return nil, err
	}
	s := &client{o: o}
	limits := clientLimits
	args := amf0.Object{{Name: "app", Value: t.App}}
	if publish {
		limits, s.hides = publishLimits, secretsOf(t.Stream)
		args = append(args, amf0.Property{Name: "type", Value: "nonprivate"})
	}
	s.peer = newPeer(c, r, limits, o.WriteTimeout)
	args = append(args, amf0.Object{
		// Some servers take a client for a publisher by the first of these names, so it is before our own.
		{Name: "flashVer", Value: "FMLE/3.0 (compatible; refstream)"},
		{Name: "tcUrl", Value: t.String()},
	}...)
	if !publish {
		args = append(args, amf0.Object{
			{Name: "fpad", Value: false},
			{Name: "capabilities", Value: 15.0},
			{Name: "audioCodecs", Value: 4071.0}, // all that the specification lists (7.2.1.1)
			{Name: "videoCodecs", Value: 252.0},
			{Name: "videoFunction", Value: 1.0},
		}...)
	}
	err := s.write(
		control(controlMessage(typeSetChunkSize, uint32(o.ChunkSize))),
		control(controlMessage(typeWindowAckSize, windowSize)),
		s.command(0, "connect", args),
	)
	if err != nil {
		return nil, err
	}
	_, err = s.result("connect", s.lastID)
	return s, err
}

// command makes a command with the next transaction.
func (s *client) command(stream uint32, name string, args ...any) packet {
	s.lastID++
	return commandMessage(stream, name, s.lastID, args...)
}

// result waits for the answer to a command. Other messages are passed over: they are about other commands, or none.
func (s *client) result(name string, id float64) (command, error) {
	for {
		a, err := s.nextCommand(name)
		if err != nil {
			return command{}, err
		}
		if a.id != id {
			continue
		}
		switch a.name {
		case "_result":
			return a, nil
		case "_error":
			return command{}, s.refusal(name, a)
		}
	}
}

// nextCommand waits for a command of the server's, while waiting for the answer to the one that is named.
func (s *client) nextCommand(name string) (command, error) {
	for {
		m, err := s.read()
		if err != nil {
			return command{}, fmt.Errorf("wait for answer to %s: %w", name, err)
		}
		if m.typ == typeCommand || m.typ == typeCommandAMF3 {
			a, err := parseCommand(m)
			if err != nil {
				return command{}, fmt.Errorf("read RTMP message before byte %d: %w", s.in.at, err)
			}
			return a, nil
		}
	}
}

// refusal is the error for an answer that says no. A publisher's holds none of the secrets of the stream's name.
func (s *client) refusal(name string, a command) error {
	return &StatusError{
		Command: name, Code: s.hides.Hide(a.property(1, "code")), Description: s.hides.Hide(a.property(1, "description")),
	}
}

// createStream makes a message stream (7.2.1.3), after sending the packets given.
func (s *client) createStream(before ...packet) error {
	if err := s.write(append(before, s.command(0, "createStream", nil))...); err != nil {
		return err
	}
	a, err := s.result("createStream", s.lastID)
	if err != nil {
		return err
	}
	n, ok := a.number(1)
	if !ok || !(n >= 0 && n <= 1<<32-1) {
		return errors.New("read answer to createStream: no message stream in it")
	}
	s.stream = uint32(n)
	return nil
}

// begun waits for the status that reports that a stream has begun, of which code is the one (7.2.2).
func (s *client) begun(name, code string) error {
	for {
		a, err := s.nextCommand(name)
		if err != nil {
			return err
		}
		switch {
		case a.name == "_error" && a.id == s.lastID:
			return s.refusal(name, a)
		case a.name == "onStatus" && a.property(1, "level") == levelError:
			return s.refusal(name, a)
		case a.name == "onStatus" && a.property(1, "code") == code:
			return nil
		}
	}
}
