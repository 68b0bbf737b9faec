package limits

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestConnectionsAreLimited counts the connections that the server holds, of which none is silent.
func TestConnectionsAreLimited(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(ln, 2)
	accepted := make(chan net.Conn, 3)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			l.State(c, http.StateActive)
			accepted <- c
		}
	}()
	for range 3 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first, second := <-accepted, <-accepted
	defer second.Close()
	select {
	case <-accepted:
		t.Fatal("there are three")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	l.State(first, http.StateClosed)
	third := <-accepted // when one has ended
	defer third.Close()
	// A connection that falls silent makes room for one that waits.
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l.State(second, http.StateIdle)
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it is not closed: %v", err)
	}
	l.State(second, http.StateClosed)
	fourth := <-accepted
	defer fourth.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if c, ok := <-accepted; ok {
		t.Errorf("accepted %v", c)
	}
}

// TestClients: an address of IPv4 and a network of IPv6 are one client each, and what is given back is there again.
func TestClients(t *testing.T) {
	p := NewClients(5)
	enter := func(remote string, want bool) {
		t.Helper()
		if err := p.Enter(remote); (err == nil) != want {
			t.Errorf("%s: %v", remote, err)
		}
	}
	for i, remote := range []string{"[2001:db8::1]:1", "[2001:db8::2]:2", "[2001:db8::ffff:3]:3", "[2001:db8::4%eth0]:4"} {
		enter(remote, i < 3)
	}
	enter("[::ffff:192.0.2.1]:1", true)
	enter("192.0.2.1:2", true)
	enter("192.0.2.2:1", false) // all are taken
	p.Leave("[2001:db8:0:0:9::]:9")
	enter("192.0.2.2:1", true)
	for _, remote := range []string{"192.0.2.2:1", "192.0.2.1:1", "192.0.2.1:1", "[2001:db8::]:1", "[2001:db8::]:1"} {
		p.Leave(remote)
	}
	if p.taken != 0 || len(p.by) != 0 {
		t.Errorf("%d are taken, by %v", p.taken, p.by)
	}
}
