package analyzer

import (
	"fmt"
	"net"

	"github.com/refstream/refstream/format/ts"
)

const (
	// maxDatagram is the most that UDP carries.
	maxDatagram = 1 << 16
	// udpBuffer is what the system is asked to keep while a picture is worked on: a second at 30 Mbit/s. It may give less.
	udpBuffer = 4 << 20
)

// connectUDP receives at an address of this machine, or what is sent to a multicast group.
func connectUDP(w *watchdog, t target) (*connection, error) {
	addr, err := net.ResolveUDPAddr("udp", t.url.Host)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	var c *net.UDPConn
	if addr.IP != nil && addr.IP.IsMulticast() {
		c, err = net.ListenMulticastUDP("udp", nil, addr)
	} else {
		c, err = net.ListenUDP("udp", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	_ = c.SetReadBuffer(udpBuffer) // less will do on a quiet machine
	r := &datagrams{c: c}
	return &connection{ReadCloser: closeAtEnd(w.ctx, r), hint: KindTS, through: "UDP at " + c.LocalAddr().String()}, nil
}

// datagrams makes a stream of bytes of datagrams, which may be RTP packets with a transport stream in them (RFC 2250).
type datagrams struct {
	c    *net.UDPConn
	buf  [maxDatagram]byte
	left []byte
}

// Read gives what is left of a datagram, or receives the next one.
func (d *datagrams) Read(b []byte) (int, error) {
	for len(d.left) == 0 {
		n, err := d.c.Read(d.buf[:])
		if err != nil {
			return 0, err
		}
		d.left = withoutRTP(d.buf[:n])
	}
	n := copy(b, d.left)
	d.left = d.left[n:]
	return n, nil
}

// Close closes the socket.
func (d *datagrams) Close() error { return d.c.Close() }

// withoutRTP leaves out the header of an RTP packet (RFC 3550, 5.1) with a transport stream behind it.
func withoutRTP(b []byte) []byte {
	const fixed, csrc = 12, 4
	if len(b) <= fixed || b[0] == ts.SyncByte || b[0]>>6 != 2 {
		return b
	}
	n := fixed + csrc*int(b[0]&0x0F)
	if b[0]&0x10 != 0 && len(b) >= n+4 { // header extension
		n += 4 + 4*(int(b[n+2])<<8|int(b[n+3]))
	}
	if n < len(b) && b[n] == ts.SyncByte {
		return b[n:]
	}
	return b
}
