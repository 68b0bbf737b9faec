// Package testnet finds addresses for the servers that tests start, and connects tests to servers without a network.
package testnet

import (
	"io"
	"math/rand/v2"
	"net"
	"strconv"
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
	var err error
	for range attempts {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(highest-lowest)))
		var c io.Closer
		if c, err = listen(addr); err == nil {
			c.Close()
			return addr
		}
	}
	t.Fatalf("find free address: %v", err)
	return ""
}
