package rtmp

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestServerTimeouts(t *testing.T) {
	t.Run("handshake", func(t *testing.T) {
		server := staying(nil)
		server.SetupTimeout = 50 * time.Millisecond
		s := startServer(t, server)
		dial(t, s.addr)
		if err := s.result(t); !errors.Is(err, errTimeout) || !errorHas(err, "handshake") {
			t.Error(err)
		}
	})
	t.Run("before play", func(t *testing.T) {
		t.Parallel()
		server := staying(nil)
		server.SetupTimeout = shortLimit
		s := startServer(t, server)
		newRawClient(t, s.addr).connect()
		if err := s.result(t); !errors.Is(err, errTimeout) || !errorHas(err, "play") {
			t.Error(err)
		}
	})
	t.Run("playing has none", func(t *testing.T) {
		t.Parallel()
		server := staying(nil)
		server.SetupTimeout = shortLimit
		s := startServer(t, server)
		c := newRawClient(t, s.addr)
		c.play()
		select {
		case err := <-s.results:
			t.Error(err)
		case <-time.After(shortLimit * 4 / 3):
		}
	})
	t.Run("at the end", func(t *testing.T) {
		t.Parallel()
		server := playing(small(t))
		server.WriteTimeout = shortLimit
		s := startServer(t, server)
		newRawClient(t, s.addr).play() // and then doesn't close
		if err := s.result(t); err != nil {
			t.Error(err)
		}
	})
	t.Run("after a refusal", func(t *testing.T) {
		t.Parallel()
		server := &Server{Play: playing(nil).Play, Options: Options{WriteTimeout: shortLimit}}
		s := startServer(t, server)
		c := newRawClient(t, s.addr)
		c.connect()
		c.call(1, "play", 0, nil, "nothing")
		c.expect("onStatus", 0, "NetStream.Play.StreamNotFound")
		if err := s.result(t); !errorHas(err, `play "live/nothing" was refused`) {
			t.Error(err)
		}
	})
}

func TestServerDropsSlowClient(t *testing.T) {
	t.Parallel()
	s := startServer(t, &Server{
		Play:    func(string, string) (Source, error) { return endless{}, nil },
		Options: Options{WriteTimeout: shortLimit},
	})
	newRawClient(t, s.addr).play() // and reads no further
	if err := s.result(t); !errors.Is(err, ErrSlow) {
		t.Error(err)
	}
}

func TestServerEnds(t *testing.T) {
	failure := errors.New("source is broken")
	t.Run("source fails", func(t *testing.T) {
		s := startServer(t, &Server{Play: func(string, string) (Source, error) { return &listSource{err: failure}, nil }})
		c := newRawClient(t, s.addr)
		c.play()
		if err := s.result(t); !errors.Is(err, failure) {
			t.Error(err)
		}
	})
	t.Run("client leaves", func(t *testing.T) {
		s := startServer(t, staying(small(t)))
		c := newRawClient(t, s.addr)
		c.play()
		c.c.Close()
		if err := s.result(t); err != nil {
			t.Error(err)
		}
	})
	t.Run("client resets", func(t *testing.T) {
		s := startServer(t, &Server{Play: func(string, string) (Source, error) { return endless{}, nil }})
		c := newRawClient(t, s.addr)
		c.play()
		_ = c.c.(*net.TCPConn).SetLinger(0)
		c.c.Close()
		if err := s.result(t); err != nil {
			t.Error(err)
		}
	})
	t.Run("nobody is there", func(t *testing.T) {
		s := startServer(t, staying(nil))
		dial(t, s.addr).Close()
		if err := s.result(t); err != nil {
			t.Error(err)
		}
	})
	for _, stage := range []string{"handshake", "connected", "playing", "writing"} {
		t.Run("context ends: "+stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(testContext(t))
			ours, theirs := net.Pipe()
			defer theirs.Close()
			done := make(chan error, 1)
			server := staying(small(t))
			go func() { done <- server.ServeConn(ctx, ours) }()
			if stage != "handshake" {
				r := handshakeReader(theirs)
				if err := offerHandshake(r, theirs); err != nil {
					t.Fatal(err)
				}
				c := &rawClient{t: t, peer: newPeer(theirs, r, clientLimits, testTimeout)}
				if stage == "connected" {
					c.connect()
				} else {
					c.play()
				}
				if stage == "playing" {
					for range small(t) {
						if _, err := c.read(); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// TestServerSendsEnd wants to see each of the ways in which the end is told.
func TestServerSendsEnd(t *testing.T) {
	s := startServer(t, playing(small(t)))
	c := newRawClient(t, s.addr)
	c.play()
	var got []string
	for {
		m, err := c.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch m.typ {
		case typeUserControl:
			if event, id, err := parseUserControl(m); err == nil && event == eventStreamEOF && id == 1 {
				got = append(got, "EOF")
			}
		case typeCommand:
			k, err := parseCommand(m)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, k.property(1, "code"))
		}
	}
	if len(got) != 3 || got[0] != "EOF" || got[1] != "NetStream.Play.UnpublishNotify" || got[2] != "NetStream.Play.Stop" {
		t.Errorf("%q", got)
	}
}
