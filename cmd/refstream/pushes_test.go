package main

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/format/ts"
)

// Targets that are absent, refuse, reset or never read cost nothing but themselves, and get the stream when they are back.
func TestPushTargets(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	absent, rtmp, deaf := freeAddr(t), freeAddr(t), deafListener(t, freeAddr(t))
	s := start(t, smallStream(data, "--bitrate", "6M", "--preset", "ultrafast", "--size", "640x360",
		"--push", "tcp://"+absent, "--push", "rtmp://"+rtmp+"/app/key", "--push", "rtmp://"+rtmp+"/closed/key",
		"--push", "tcp://"+deaf.Addr().String())...)
	s.moreSegments(1)
	find := func(name string) api.Output { return s.carrier("push", name) }

	for _, name := range []string{absent, "/app"} {
		s.await("a push that waits", limit, func() bool { return find(name).LastError != "" })
	}
	sink := newSink(t, absent)
	s.await("the push to recover", limit, func() bool { b, _ := sink.connection(0); return len(b) > 100_000 })
	firstUnit(t, sink, 0)
	sink.reset()
	s.await("the push to recover from a reset", limit, func() bool { b, _ := sink.connection(1); return len(b) > 100_000 })
	firstUnit(t, sink, 1)
	if o := find(absent); o.Reconnects < 2 || o.State != "connected" || o.Clients != 1 {
		t.Errorf("%+v", o)
	}

	nginx := nginxRTMP(t, rtmp)
	s.await("the RTMP push to begin", limit, func() bool { return find("/app").State == "connected" })
	s.await("a refusal", limit, func() bool { return find("/closed").LastError != "" && find("/closed").State != "connected" })
	nginx.end()
	s.await("the RTMP push to notice", limit, func() bool { return find("/app").State != "connected" })
	nginxRTMP(t, rtmp)
	s.await("the RTMP push to recover", limit, func() bool { return find("/app").State == "connected" })

	s.await("a target that never reads to be given up", limit, func() bool { return find(deaf.Addr().String()).Dropped > 0 })
	deaf.Close()
	late := newSink(t, deaf.Addr().String())
	s.await("the stream to go to it", limit, func() bool { b, _ := late.connection(0); return len(b) > 100_000 })
	firstUnit(t, late, 0)

	log := s.log()
	for _, want := range []string{"connection refused", absent, deaf.Addr().String()} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
	if n := strings.Count(log, "connection refused"); n > 12 {
		t.Errorf("the log says %d times that a connection is refused", n)
	}
	if lost := s.verify(data).lost(); len(lost) > 0 {
		t.Errorf("missing: %+v", lost)
	}
	s.stop()
}

// firstUnit fails the test unless what a sink got begins with a key frame.
func firstUnit(t *testing.T, s *sink, connection int) {
	t.Helper()
	sent, _ := s.connection(connection)
	au, err := ts.NewReader(bytes.NewReader(sent)).Next()
	if err != nil || !au.Key {
		t.Errorf("connection %d begins with %+v, %v; want a key frame", connection, au.PTS, err)
	}
}

// deafListener accepts connections and never reads from them.
func deafListener(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var conns []io.Closer
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			c.(*net.TCPConn).SetReadBuffer(4096)
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l
}
