package rtmp

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
)

// Player reads a stream from a server. It is not safe for concurrent use, other than Close.
type Player struct {
	s     *client
	queue []flv.Tag // of an aggregate message
	err   error
}

// Play asks a server for a stream over c, of RTMPS in TLS, which the Player then has and which is closed on an error: a server that
// refuses ([*StatusError]), that has not begun within 10 s, or that can't be understood, or ctx.Err().
func Play(ctx context.Context, c net.Conn, t Target) (*Player, error) {
	o := Options{}.withDefaults()
	c = t.secure(c)
	var s *client
	err := setUp(ctx, c, o, func() (err error) {
		if s, err = connect(c, t, o, false); err != nil {
			return err
		}
		return s.play(t.Stream)
	})
	if err != nil {
		c.Close()
		return nil, err
	}
	return &Player{s: s}, nil
}

const (
	// startAny plays a live stream if there is one, else a recording (7.2.2.1).
	startAny = -2000
	// playerBuffer is what the server may take to be the length of our buffer, in milliseconds: a few seconds.
	playerBuffer = 3000
)

// play asks for the stream (7.2.2.1).
func (s *client) play(name string) error {
	if err := s.createStream(); err != nil {
		return err
	}
	err := s.write(s.command(s.stream, "play", nil, name, float64(startAny)),
		control(userControl(eventBufferLength, s.stream, playerBuffer)))
	if err != nil {
		return err
	}
	return s.begun("play", "NetStream.Play.Start")
}

// Next waits for the next tag, audio, video or script, in the order that the server sends them. A script comes plain, out
// of the @setDataFrame or the AMF3 envelope that some servers leave it in. The tag is the caller's.
//
// io.EOF is the end of the stream. Other errors state how the connection ended; the same one is returned from then on. If
// ctx ends, the connection is closed.
func (p *Player) Next(ctx context.Context) (flv.Tag, error) {
	if p.err != nil {
		return flv.Tag{}, p.err
	}
	stop := context.AfterFunc(ctx, func() { p.s.c.Close() })
	t, err := p.next()
	if !stop() && err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		p.err = err
		p.s.c.Close()
		return flv.Tag{}, err
	}
	return t, nil
}

// Close closes the connection, which ends a Next that waits.
func (p *Player) Close() error { return p.s.c.Close() }

func (p *Player) next() (flv.Tag, error) {
	for {
		if len(p.queue) > 0 {
			t := p.queue[0]
			p.queue = p.queue[1:]
			return t, nil
		}
		m, err := p.s.read()
		if err != nil {
			return flv.Tag{}, err
		}
		t := flv.Tag{Type: flv.TagType(m.typ), Time: m.time, Body: m.body}
		switch m.typ {
		case typeAudio, typeVideo:
			return t, nil
		case typeDataAMF3, typeData:
			t.Type = flv.Script
			if m.typ == typeDataAMF3 && len(t.Body) > 0 && t.Body[0] == 0 {
				t.Body = t.Body[1:]
			}
			if ended(scriptStatus(t.Body)) {
				return flv.Tag{}, io.EOF
			}
			return forPlayer(t), nil
		case typeAggregate:
			p.queue, err = splitAggregate(m)
		case typeUserControl:
			event, stream, parseErr := parseUserControl(m)
			if parseErr == nil && event == eventStreamEOF && stream == p.s.stream {
				return flv.Tag{}, io.EOF
			}
		case typeCommand, typeCommandAMF3:
			err = p.status(m)
		}
		if err != nil {
			return flv.Tag{}, err
		}
	}
}

// status looks at a command for the end of the stream.
func (p *Player) status(m message) error {
	a, err := parseCommand(m)
	switch code := a.property(1, "code"); {
	case err != nil:
		return fmt.Errorf("read RTMP message before byte %d: %w", p.s.in.at, err)
	case a.name != "onStatus":
		return nil
	case a.property(1, "level") == levelError:
		return p.s.refusal("play", a)
	case ended(code):
		return io.EOF
	}
	return nil
}

// ended reports whether a status is the end of what is played.
func ended(code string) bool {
	return code == "NetStream.Play.Stop" || code == "NetStream.Play.Complete" || code == "NetStream.Play.UnpublishNotify"
}

// scriptStatus is the code in a data message onPlayStatus, if this is one.
func scriptStatus(body []byte) string {
	if flv.ScriptName(body) != "onPlayStatus" {
		return ""
	}
	values, err := amf0.Parse(body)
	if err != nil || len(values) == 0 {
		return ""
	}
	c := command{args: values[1:]}
	for i := range c.args { // some put a null before the object
		if code := c.property(i, "code"); code != "" {
			return code
		}
	}
	return ""
}
