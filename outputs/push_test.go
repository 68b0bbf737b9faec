package outputs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/format/ts"
)

// feedLive writes units faster than real time until the test ends or stop is called, which closes the hub.
func feedLive(t *testing.T, h *Hub, s *source) (stop func()) {
	t.Helper()
	quit := make(chan struct{})
	var once sync.Once
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(4 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				s.write(t, h, i, i+1)
			case <-quit:
				h.Close()
				return
			}
		}
	})
	stop = func() {
		once.Do(func() { close(quit) })
		wait.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// target accepts connections one after the other.
type target struct {
	net.Listener
	t *testing.T
}

func newTarget(t *testing.T, addr string) *target {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &target{l, t}
}

// accept takes the next connection.
func (g *target) accept() *net.TCPConn {
	g.t.Helper()
	if err := g.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		g.t.Fatal(err)
	}
	c, err := g.Accept()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// startsAtKey fails the test unless a transport stream begins with a key frame.
func startsAtKey(t *testing.T, stream []byte) {
	t.Helper()
	au, err := ts.NewReader(bytes.NewReader(stream)).Next()
	if err != nil || !au.Key {
		t.Errorf("the stream begins with %+v, %v; want a key frame", au.PTS, err)
	}
}

// TestPushTS pushes to a target that is absent at first, resets, stops reading, closes, and is there in the end.
func TestPushTS(t *testing.T) {
	s := newSource(t, 30_000)
	h, log := newHub(t, func(o *Options) { o.WriteTimeout = slow })
	stop := feedLive(t, h, s)
	place := listen(t)
	addr := place.Addr().String()
	place.Close()
	to, err := ParsePush("tcp://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	ended := runs(func() error { return h.PushTo(t.Context(), to) })
	eventually(t, "some attempts", func() bool { return statusOf(t, h, KindPush).Reconnects >= 10 })
	if st := statusOf(t, h, KindPush); !strings.Contains(st.LastError, "connection refused") || st.Clients != 0 || st.ClientsTotal != 0 {
		t.Errorf("%+v", st)
	}

	place2 := newTarget(t, addr)
	c := place2.accept()
	first := make([]byte, 300_000)
	if _, err := io.ReadFull(c, first); err != nil {
		t.Fatal(err)
	}
	startsAtKey(t, first)
	eventually(t, "it to be connected", func() bool { return statusOf(t, h, KindPush).State == StateConnected })
	if err := c.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()

	c = place2.accept()
	eventually(t, "the reset to show", func() bool {
		st := statusOf(t, h, KindPush)
		return strings.Contains(st.LastError, "reset") || strings.Contains(st.LastError, "broken pipe")
	})
	if _, err := io.ReadFull(c, first); err != nil {
		t.Fatal(err)
	}
	startsAtKey(t, first)
	// Now it doesn't read.
	if err := c.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deaf target to be given up", func() bool { return statusOf(t, h, KindPush).Dropped == 1 })
	if st := statusOf(t, h, KindPush); !strings.Contains(st.LastError, "does not read") && !strings.Contains(st.LastError, "behind") {
		t.Errorf("%+v", st)
	}
	c = place2.accept()
	c.Close() // as a program that ends
	c = place2.accept()
	g := gather(c)
	eventually(t, "the stream to flow again", func() bool { return g.len() > 300_000 })
	stop()
	got, err := g.all(t)
	if err != io.EOF {
		t.Error(err)
	}
	startsAtKey(t, got)
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
	st := statusOf(t, h, KindPush)
	if st.State != StateEnded || st.Clients != 0 || st.ClientsTotal != 4 || st.Bytes == 0 || st.Dropped != 1 {
		t.Errorf("%+v", st)
	}
	// Refused, connected, reset, connected, and not a line for each of the many attempts.
	if n := strings.Count(log.String(), "connection refused"); n != 1 {
		t.Errorf("the log says %d times that the connection was refused:\n%s", n, log)
	}
	if n := strings.Count(log.String(), "\n"); n > burst {
		t.Errorf("%d lines are logged:\n%s", n, log)
	}
}

// TestPushEndsWithStream has the last units arrive, and ends at once where there is no target.
func TestPushEndsWithStream(t *testing.T) {
	s := newSource(t, 0)
	h, _ := newHub(t)
	h.times.first, h.times.most = time.Hour, time.Hour
	there := newTarget(t, "127.0.0.1:0")
	gone := listen(t)
	gone.Close()
	var pushes []<-chan error
	for _, addr := range []string{there.Addr().String(), gone.Addr().String()} {
		to, err := ParsePush("tcp://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		pushes = append(pushes, runs(func() error { return h.PushTo(t.Context(), to) }))
	}
	s.write(t, h, 0, testGOP)
	g := gather(there.accept())
	eventually(t, "both to have tried", func() bool {
		waits, flows := false, false
		for _, st := range h.Status() {
			waits = waits || st.State == StateWaiting && st.LastError != ""
			flows = flows || st.State == StateConnected && g.len() > 0
		}
		return waits && flows
	})
	s.write(t, h, testGOP, 3*testGOP)
	h.Close()
	got, err := g.all(t)
	if err != io.EOF {
		t.Error(err)
	}
	same(t, "stream", got, s.sent(t, "ts", 0, 3*testGOP))
	for _, ended := range pushes {
		if err := returned(t, ended); err != nil {
			t.Error(err)
		}
	}
}

// TestPushEndsWithContext ends pushes that wait, connect, stream and are stuck.
func TestPushEndsWithContext(t *testing.T) {
	s := newSource(t, 100_000)
	h, _ := newHub(t, func(o *Options) { o.WriteTimeout = time.Hour })
	h.times.first = time.Hour
	s.write(t, h, 0, 3*testGOP)
	deaf, quiet := newTarget(t, "127.0.0.1:0"), newTarget(t, "127.0.0.1:0")
	gone := listen(t)
	gone.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var pushes []<-chan error
	for _, address := range []string{
		"tcp://" + deaf.Addr().String(), "tcp://" + gone.Addr().String(), "rtmp://" + gone.Addr().String() + "/a/key",
		"rtmp://" + quiet.Addr().String() + "/a/key", "rtmp://" + deaf.Addr().String() + "/a/key",
	} {
		to, err := ParsePush(address)
		if err != nil {
			t.Fatal(err)
		}
		pushes = append(pushes, runs(func() error { return h.PushTo(ctx, to) }))
	}
	deaf.accept()
	deaf.accept()
	quiet.accept()
	eventually(t, "two to wait", func() bool {
		n := 0
		for _, st := range h.Status() {
			if st.State == StateWaiting && st.LastError != "" {
				n++
			}
		}
		return n == 2
	})
	cancel()
	for _, ended := range pushes {
		if err := returned(t, ended); !errors.Is(err, context.Canceled) {
			t.Errorf("it returned %v", err)
		}
	}
	for _, st := range h.Status() {
		if st.Kind == KindPush && (st.State != StateEnded || st.Clients != 0 || st.Dropped != 0) {
			t.Errorf("%+v", st)
		}
	}
}

func TestParsePush(t *testing.T) {
	cases := []struct{ address, shown, to, problem string }{
		{"tcp://127.0.0.1:4444", "tcp://127.0.0.1:4444", "127.0.0.1:4444", ""},
		{"tcp://[::1]:4444/", "tcp://[::1]:4444", "[::1]:4444", ""},
		{"rtmp://example.org/live/secret", "rtmp://example.org:1935/live", "example.org:1935", ""},
		{"rtmp://example.org:1/live/sub/secret?token=hidden", "rtmp://example.org:1/live/sub", "example.org:1", ""},
		{"", "", "", "tcp://host:port"},
		{"127.0.0.1:4444", "", "", "tcp://host:port"},
		{"tcp://127.0.0.1", "", "", "tcp://127.0.0.1:4444"},
		{"tcp://:4444", "", "", "tcp://127.0.0.1:4444"},
		{"tcp://user:secret@host:1", "", "", "tcp://127.0.0.1:4444"},
		{"tcp://host:1/path", "", "", "tcp://127.0.0.1:4444"},
		{"rtmp://example.org/secret", "", "", "rtmp://host/app/stream"},
		{"rtmp://user:secret@example.org/live/secret", "", "", "password"},
		{"rtmp://exa mple/live/secret", "", "", "address"},
		{"tcp://host:99999", "", "", "from 1 to 65535"},
		{"tcp://host:0", "", "", "from 1 to 65535"},
		{"tcp://host:-1", "", "", "from 1 to 65535"},
		{"tcp://host:http", "", "", "from 1 to 65535"},
		{"rtmp://host:99999/live/secret", "", "", "from 1 to 65535"},
		{"rtmp://host:x/live/secret", "", "", "not a URL"},
		{"tcp://host\xff:1", "", "", "printable UTF-8"},
		{"tcp://host\n:1", "", "", "printable UTF-8"},
		{"tcp://host\u009b:1", "", "", "printable UTF-8"},
		{"tcp://host\u202e:1", "", "", "printable UTF-8"},
		{"tcp://h\u00f6st:1", "tcp://h\u00f6st:1", "h\u00f6st:1", ""},
		{"rtmp://host%ff/live/secret", "", "", "printable UTF-8"},
		{"rtmp://host/" + strings.Repeat("a", 200) + "/secret", "", "", "200 are the most"},
		{"tcp://" + strings.Repeat("a", 192) + ":1", "tcp://" + strings.Repeat("a", 192) + ":1", strings.Repeat("a", 192) + ":1", ""},
		{"tcp://" + strings.Repeat("a", 193) + ":1", "", "", "200 are the most"},
		{"srt://example.org:9000?passphrase=secret", "", "", "--relay"},
		{"rtmps://example.org/live/secret", "rtmps://example.org:443/live", "example.org:443", ""},
	}
	for _, c := range cases {
		got, err := ParsePush(c.address)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want %q and no secret", c.address, err, c.problem)
			}
			continue
		}
		if err != nil || got.String() != c.shown || got.address() != c.to {
			t.Errorf("%s: %s at %s, %v, want %s at %s", c.address, got, got.address(), err, c.shown, c.to)
		}
	}
	if h, _ := newHub(t); h.PushTo(t.Context(), Target{}) == nil {
		t.Error("a push to no target succeeds")
	}
}

// TestPushHidesKey publishes to a server that quotes the key in its refusal.
func TestPushHidesKey(t *testing.T) {
	h, log := newHub(t)
	place := newTarget(t, "127.0.0.1:0")
	to, err := ParsePush("rtmp://" + place.Addr().String() + "/app/secret-key?token=secret-token")
	if err != nil {
		t.Fatal(err)
	}
	ended := runs(func() error { return h.PushTo(t.Context(), to) })
	c := place.accept()
	// Adobe RTMP 1.0: the handshake (5.2), then one message in one chunk (5.3) that refuses connect (7.2.1.1).
	if _, err := io.ReadFull(c, make([]byte, 1+1536)); err != nil {
		t.Fatal(err)
	}
	body, err := amf0.Append(nil, "_error", 1.0, nil, amf0.Object{
		{Name: "code", Value: "No"}, {Name: "description", Value: "no secret-key?token=secret-token"},
	})
	if err != nil || len(body) > 128 {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	answer := append([]byte{3}, make([]byte, 2*1536)...)
	answer = append(answer, 3, 0, 0, 0, 0, 0, byte(len(body)), 20, 0, 0, 0, 0)
	if _, err := c.Write(append(answer, body...)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refusal", func() bool { return strings.Contains(statusOf(t, h, KindPush).LastError, "refused") })
	h.Close()
	c.Close()
	place.Close()
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
	if st := statusOf(t, h, KindPush); !strings.Contains(st.LastError+log.String(), "…") || strings.Contains(st.LastError+log.String(), "secret") {
		t.Errorf("%+v\n%s", st, log)
	}
}
