// Package testnet finds addresses for the servers that tests start, and connects tests to servers without a network.
package testnet

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports are chosen below those that outgoing connections begin from (32768 and up on Linux, 49152 and up elsewhere): a port
// of that range may be taken between the choice and the start of the server, as tests make many connections.
const (
	lowest   = 10000
	highest  = 32000
	attempts = 100
)

// FreeTCP is a loopback address, host:port, that nothing listens on with TCP just now.
func FreeTCP(t testing.TB) string {
	t.Helper()
	return free(t, func(addr string) (io.Closer, error) { return net.Listen("tcp", addr) })
}

// FreeUDP is the same for UDP.
func FreeUDP(t testing.TB) string {
	t.Helper()
	return free(t, func(addr string) (io.Closer, error) { return net.ListenPacket("udp", addr) })
}

func free(t testing.TB, listen func(addr string) (io.Closer, error)) string {
	t.Helper()
	addr, err := Free(listen)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// Free is a loopback address that listen succeeds at just now.
func Free(listen func(addr string) (io.Closer, error)) (string, error) {
	var err error
	for range attempts {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(highest-lowest)))
		var c io.Closer
		if c, err = listen(addr); err == nil {
			c.Close()
			return addr, nil
		}
	}
	return "", fmt.Errorf("find free address: %w", err)
}

// Pipes is a listener without a network: each connection is a net.Pipe. Servers run on it in a bubble of testing/synctest, whose
// time passes only while every goroutine waits: waiting takes exact times on any machine. (A bubble can't see waits for sockets.)
type Pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewPipes makes a listener, inside the bubble.
func NewPipes() *Pipes { return &Pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

// Accept waits for a connection.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial with net.ErrClosed.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr is an address that nobody can connect to.
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// Dial connects, whatever the address.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
