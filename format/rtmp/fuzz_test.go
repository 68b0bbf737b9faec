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

// hello is what comes before the chunks: a handshake that either side takes. The targets have it in front of their data,
// of which it would be the greater part; FuzzHandshake is about it.
func hello() []byte { return append(opening(clientSeed), make([]byte, randomSize)...) }

// over gives one side of a connection in memory on which the other sends the bytes, reads all it gets, and closes.
func over(b []byte) (c net.Conn, wait func()) {
	ours, theirs := net.Pipe()
	written, read := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, theirs)
	}()
	go func() {
		defer close(written)
		_, _ = theirs.Write(b)
		theirs.Close()
	}()
	return ours, func() {
		ours.Close()
		<-written
		<-read
	}
}

// FuzzServer has a client send any bytes over a whole session. Every session ends, and nothing is left running.
func FuzzServer(f *testing.F) {
	for _, s := range recordings(f, clientsDir) {
		f.Add(s.sent[len(hello()):])
		f.Add(s.sent[len(hello()) : len(s.sent)-3])
	}
	for _, c := range wireCases {
		f.Add(hex(f, c.wire))
	}
	tags := small(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, wait := over(append(hello(), b...))
		defer wait()
		ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
		defer cancel()
		err := playing(tags).ServeConn(ctx, c)
		if errors.Is(err, errTimeout) || errors.Is(err, ErrSlow) || ctx.Err() != nil {
			t.Errorf("takes too long: %v", err)
		}
		var known *StatusError
		if err != nil && !errors.As(err, &known) && !errorHas(err, "byte ") && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("names no offset: %v", err)
		}
	})
}

// FuzzCommands has a client send a command of any bytes after connect.
func FuzzCommands(f *testing.F) {
	for _, values := range [][]any{
		{"createStream", 2, nil}, {"play", 0, nil, "test", -2000}, {"play2", 3, amf0.Object{{Name: "streamName", Value: "test"}}},
		{"publish", 5, nil, "test", "live"}, {"FCSubscribe", 4, nil, "test"}, {"deleteStream", 0, nil, 1}, {"pause", 0, nil, true, 0},
		{"seek", 0, nil, 5}, {"getStreamLength", 6, nil, "test"}, {"other", 7}, {"_checkbw", 8}, {"onFCPublish"},
	} {
		b, err := amf0.Append(nil, values...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, byte(typeCommand), uint32(1))
		f.Add(append([]byte{0}, b...), byte(typeCommandAMF3), uint32(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, kind byte, stream uint32) {
		if len(body) > serverLimits.message {
			return
		}
		b := hello()
		w := newChunkWriter()
		connect := commandMessage(0, "connect", 1, amf0.Object{{Name: "app", Value: "live"}})
		for _, m := range []message{connect.message, {typ: messageType(kind), stream: stream, body: body}, {typ: messageType(kind), stream: stream, body: body}} {
			if m.typ == typeSetChunkSize {
				return
			}
			var err error
			if b, err = w.append(b, chunkCommand, m); err != nil {
				t.Fatal(err)
			}
		}
		c, wait := over(b)
		defer wait()
		server := playing(small(t))
		if err := server.ServeConn(testContext(t), c); errors.Is(err, errTimeout) || errors.Is(err, ErrSlow) {
			t.Errorf("takes too long: %v", err)
		}
	})
}

// FuzzPlay has a server send any bytes over a whole session.
func FuzzPlay(f *testing.F) {
	for _, s := range recordings(f, serversDir) {
		f.Add(s.sent[len(hello()):])
		f.Add(s.sent[len(hello()) : (len(hello())+len(s.sent))/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, wait := over(append(hello(), b...))
		defer wait()
		ctx := testContext(t)
		p, err := Play(ctx, c, Target{App: "live", Stream: "test"})
		for err == nil {
			var tag flv.Tag
			if tag, err = p.Next(ctx); len(tag.Body) > len(b) {
				t.Errorf("a tag of %d bytes from %d", len(tag.Body), len(b))
			}
		}
		if ctx.Err() != nil || errors.Is(err, errTimeout) {
			t.Errorf("takes too long: %v", err)
		}
	})
}

// FuzzPublish has a server answer a publisher with any bytes.
func FuzzPublish(f *testing.F) {
	for _, s := range recordings(f, serversDir) {
		f.Add(s.sent[len(hello()):])
	}
	tags := small(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, wait := over(append(hello(), b...))
		defer wait()
		ctx := testContext(t)
		src := &listSource{tags: tags}
		err := Publish(ctx, c, Target{App: "live", Stream: "test"}, src, Options{WriteTimeout: testTimeout})
		if ctx.Err() != nil || errors.Is(err, errTimeout) {
			t.Errorf("takes too long: %v", err)
		}
	})
}

// FuzzHandshake sends any bytes to both sides' handshakes.
func FuzzHandshake(f *testing.F) {
	for _, s := range append(recordings(f, clientsDir), recordings(f, serversDir)...) {
		f.Add(s.sent[:1+2*randomSize])
	}
	for _, s := range []string{"", "\x03", "GET / HTTP/1.1\r\n\r\n", "\x06", "\x16\x03\x01"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, side := range map[string]func(io.Reader, io.Writer) error{"server": acceptHandshake, "client": offerHandshake} {
			c, wait := over(b)
			err := side(c, c)
			wait()
			whole := len(b) >= 1+2*randomSize && b[0] <= maxVersion && (name == "server" || b[0] == version)
			if whole && err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("%s: %v", name, err)
			}
			if !whole && err == nil {
				t.Errorf("%s takes %d bytes", name, len(b))
			}
		}
	})
}
