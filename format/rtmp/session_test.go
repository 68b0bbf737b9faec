package rtmp

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
)

// rawClient speaks to a server message by message.
type rawClient struct {
	t testing.TB
	*peer
}

// newRawClient makes the handshake and connects.
func newRawClient(t testing.TB, addr string) *rawClient {
	t.Helper()
	conn := dial(t, addr)
	r := handshakeReader(conn)
	if err := offerHandshake(r, conn); err != nil {
		t.Fatal(err)
	}
	return &rawClient{t: t, peer: newPeer(conn, r, clientLimits, testTimeout)}
}

func (c *rawClient) call(stream uint32, name string, id float64, args ...any) {
	c.t.Helper()
	if err := c.write(commandMessage(stream, name, id, args...)); err != nil {
		c.t.Fatal(err)
	}
}

// command is the next command that the server sends.
func (c *rawClient) command() command {
	c.t.Helper()
	for {
		m, err := c.read()
		if err != nil {
			c.t.Fatal(err)
		}
		if m.typ == typeCommand {
			k, err := parseCommand(m)
			if err != nil {
				c.t.Fatal(err)
			}
			return k
		}
	}
}

// expect wants a command with that name, transaction and code.
func (c *rawClient) expect(name string, id float64, code string) {
	c.t.Helper()
	if k := c.command(); k.name != name || k.id != id || k.property(1, "code") != code {
		c.t.Fatalf("%+v, want %s %v %s", k, name, id, code)
	}
}

// wire sends bytes.
func (c *rawClient) wire(b []byte) {
	c.t.Helper()
	if _, err := c.c.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *rawClient) connect() {
	c.t.Helper()
	c.call(0, "connect", 1, amf0.Object{{Name: "app", Value: "live"}})
	c.expect("_result", 1, "NetConnection.Connect.Success")
}

func (c *rawClient) play() {
	c.t.Helper()
	c.connect()
	c.call(0, "createStream", 2, nil)
	if k := c.command(); k.name != "_result" || k.id != 2 || len(k.args) != 2 || k.args[1] != 1.0 {
		c.t.Fatalf("createStream: %+v", k)
	}
	c.call(1, "play", 0, nil, "test")
	c.expect("onStatus", 0, "NetStream.Play.Reset")
	c.expect("onStatus", 0, "NetStream.Play.Start")
}

func staying(tags []flv.Tag) *Server {
	return &Server{Play: func(string, string) (Source, error) { return &listSource{tags: tags, stays: true}, nil }}
}

func TestServerCommands(t *testing.T) {
	s := startServer(t, staying(nil))
	c := newRawClient(t, s.addr)
	c.play()
	c.call(1, "pause", 0, nil, true, 0)
	c.expect("onStatus", 0, "NetStream.Pause.Notify")
	c.call(1, "pause", 0, nil, false, 0)
	c.expect("onStatus", 0, "NetStream.Unpause.Notify")
	c.call(1, "seek", 0, nil, 1000)
	c.expect("onStatus", 0, "NetStream.Seek.Notify")
	c.call(0, "FCSubscribe", 3, nil, "test")
	c.expect("_result", 3, "")
	c.expect("onFCSubscribe", 0, "NetStream.Play.Start")
	c.call(0, "getStreamLength", 4, nil, "test")
	if k := c.command(); k.id != 4 || k.args[1] != 0.0 {
		t.Errorf("getStreamLength: %+v", k)
	}
	c.call(0, "noSuchThing", 5, nil)
	c.expect("_error", 5, "NetConnection.Call.Failed")
	c.call(0, "noSuchThing", 0, nil) // wants no answer
	c.call(1, "play", 0, nil, "test")
	c.expect("onStatus", 0, "NetStream.Play.Failed")
	c.call(1, "publish", 0, nil, "test", "live")
	c.expect("onStatus", 0, "NetStream.Publish.Denied")
	c.call(0, "releaseStream", 6, nil, "test")
	c.expect("_result", 6, "")
	c.call(0, "deleteStream", 7, nil, 5) // one that isn't played
	c.call(0, "createStream", 8, nil)
	c.expect("_result", 8, "")
	c.call(0, "deleteStream", 9, nil, 1)
	if _, err := c.read(); !errors.Is(err, io.EOF) {
		t.Errorf("after deleteStream: %v", err)
	}
	if err := s.result(t); err != nil {
		t.Error(err)
	}
}

// TestServerTakesAMF3 sends the commands in the envelope of AMF3.
func TestServerTakesAMF3(t *testing.T) {
	s := startServer(t, staying(nil))
	c := newRawClient(t, s.addr)
	send := func(stream uint32, tail []byte, values ...any) {
		b, err := amf0.Append([]byte{0}, values...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.write(packet{chunk: chunkCommand, message: message{typ: typeCommandAMF3, stream: stream, body: append(b, tail...)}}); err != nil {
			t.Fatal(err)
		}
	}
	send(0, nil, "connect", 1, amf0.Object{{Name: "app", Value: "live"}, {Name: "objectEncoding", Value: 3}})
	c.expect("_result", 1, "NetConnection.Connect.Success")
	send(0, []byte{0x11, 0x01}, "createStream", 2) // null in AMF3
	c.expect("_result", 2, "")
	send(1, nil, "play", 0, nil, "test")
	c.expect("onStatus", 0, "NetStream.Play.Reset")
}

func TestServerControl(t *testing.T) {
	s := startServer(t, staying(small(t)))
	c := newRawClient(t, s.addr)
	c.play()
	// The window is shorter than any of the messages that follow.
	if err := c.write(control(controlMessage(typeWindowAckSize, 10)), control(userControl(eventPing, 0xABCDEF01)), control(peerBandwidth(1000)), control(controlMessage(typeAck, 5))); err != nil {
		t.Fatal(err)
	}
	var acks, pongs, windows int
	for in := c.in; pongs == 0 || windows == 0; {
		m, complete, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !complete:
		case m.typ == typeAck:
			v, _ := controlValue(m)
			if acks++; v < 1+2*randomSize {
				t.Errorf("acknowledges %d bytes", v)
			}
		case m.typ == typeWindowAckSize:
			windows++
		case m.typ == typeUserControl:
			event, v, err := parseUserControl(m)
			if err == nil && event == eventPong && v == 0xABCDEF01 {
				pongs++
			}
		}
	}
	if acks == 0 {
		t.Error("nothing is acknowledged")
	}
}

// TestServerRefusesBytes has clients that send what can't be understood, at each stage of a session.
func TestServerRefusesBytes(t *testing.T) {
	for _, c := range []struct {
		name  string
		stage int // 0 nothing, 1 handshake, 2 connected, 3 playing
		wire  string
		want  string
	}{
		{"a web browser", 0, "47455420", "byte 0: begins with 0x47"},
		{"C1 is cut", 0, "03 x*1000", "byte 1001: C1: unexpected EOF"},
		{"C2 is cut", 0, "03 x*1536 x*10", "byte 1547: C2: unexpected EOF"},
		{"encrypted kind, then nothing", 0, "06 x*1536", "byte 1537: C2: unexpected EOF"},
		{"no chunk", 1, "c3", "byte 3073: chunk stream 3 begins"},
		{"no command", 1, "03 000000 000003 14 00000000 aabbcc", "at byte 0: unknown type 0xaa"},
		{"empty command", 1, "03 000000 000000 14 00000000", "0 values"},
		{"text for a transaction", 1, "03 000000 000008 14 00000000 02000161 02000162", "begins with string and string"},
		{"number for a name", 1, "03 000000 000012 14 00000000 00 0000000000000000 00 0000000000000000", "begins with float64"},
		{"AMF3 for a name", 1, "03 000000 000003 11 00000000 001106", "AMF3"},
		{"another first byte", 1, "03 000000 000003 11 00000000 020000", "does not begin with a byte 0"},
		{"command before connect", 1, "03 000000 000011 14 00000000 02000470 6c6179 00 0000000000000000 05", "\"play\" comes before connect"},
		{"second connect", 2, "03 000000 000013 14 00000000 020007 636f6e6e656374 00 3ff0000000000000", "a second connect"},
		{"large message", 2, "04 000000 010001 09 00000000", "message of 65537 bytes"},
		{"ping is short", 2, "02 000000 000001 04 00000000 00", "user control message has 1 bytes"},
		{"window is short", 3, "02 000000 000001 05 00000000 00", "control message of type 5 has 1 bytes"},
		{"chunk size 0", 3, "02 000000 000004 01 00000000 00000000", "chunk size 0"},
		{"cut in a message", 3, "04 000000 000100 09 00000000 aa", "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, staying(nil))
			var raw *rawClient
			var conn net.Conn
			switch {
			case c.stage == 0:
				conn = dial(t, s.addr)
			default:
				raw = newRawClient(t, s.addr)
				conn = raw.c
			}
			switch c.stage {
			case 2:
				raw.connect()
			case 3:
				raw.play()
			}
			if _, err := conn.Write(hex(t, c.wire)); err != nil {
				t.Fatal(err)
			}
			_ = conn.(*net.TCPConn).CloseWrite()
			if err := s.result(t); !errorHas(err, c.want) {
				t.Errorf("%v, want %q", err, c.want)
			} else {
				t.Log(err)
			}
		})
	}
}

func TestServerTakesOtherHandshakes(t *testing.T) {
	for _, first := range []byte{0, 3, 8, 31} {
		s := startServer(t, staying(nil))
		conn := dial(t, s.addr)
		hello := opening(clientSeed)
		hello[0] = first
		copy(hello[5:9], []byte{9, 0, 124, 2}) // the version of those with digests
		if _, err := conn.Write(hello); err != nil {
			t.Fatal(err)
		}
		var answer [1 + 2*randomSize]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			t.Fatal(err)
		}
		if answer[0] != version || string(answer[1+randomSize:]) != string(hello[1:]) || string(answer[5:9]) != "\x00\x00\x00\x00" {
			t.Errorf("version %d: S0 is %d", first, answer[0])
		}
	}
}

// endless gives the same large tag without end.
type endless struct{}

func (endless) Next(ctx context.Context) ([]flv.Tag, error) {
	return []flv.Tag{{Type: flv.Video, Body: make([]byte, 1<<20)}}, ctx.Err()
}
