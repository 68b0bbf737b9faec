package input

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/hlsclient"
)

// connect opens a stream of bytes, which ends with w's context. Its kind is that of the address or the Content-Type, or empty.
func connect(w *Watchdog, t Target, client *http.Client) (*Stream, error) {
	switch t.scheme {
	case schemeHTTP:
		return connectHTTP(w, t, client)
	case schemeTCP:
		return connectTCP(w, t)
	case schemeUDP:
		return connectUDP(w, t)
	}
	var f *File
	var err error
	if t.stdin() {
		f, err = WaitOn(w.Ctx, os.Stdin)
	} else {
		f, err = OpenFile(w.Ctx, t.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory: give a file in it", t.Path)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open stream: %w", err)
	}
	tail := &tailFile{f: f, ctx: w.Ctx, stall: w.limit}
	through := "file"
	if t.stdin() {
		through = "standard input"
	}
	return &Stream{body: tail, Kind: t.Hint, Finite: true, tail: tail, stdin: t.stdin(), Through: through}, nil
}

func connectHTTP(w *Watchdog, t Target, client *http.Client) (*Stream, error) {
	req, err := http.NewRequestWithContext(w.Ctx, http.MethodGet, t.Text, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", err)
	}
	req.Header.Set("Accept-Encoding", "identity") // a short answer can't become a long one
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("open stream: %w", w.Explain(err))
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("open stream: GET %s: %d %s", t.Text, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	c := &Stream{body: resp.Body, Finite: resp.ContentLength >= 0, Through: "HTTP"}
	c.Kind = cmp.Or(kindOfType(resp.Header.Get("Content-Type")), t.Hint)
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		if c.playlist = c.Kind == HLS; !c.playlist {
			resp.Body.Close()
			return nil, fmt.Errorf("open stream: %w: it is sent as %.20q (Content-Encoding): have the server send it as it is", hlsclient.ErrCoding, coding)
		}
	}
	return c, nil
}

func connectTCP(w *Watchdog, t Target) (*Stream, error) {
	var c net.Conn
	var err error
	through := "TCP"
	// As ffmpeg has it, tcp://host:port?listen is an address to wait for a connection at.
	if q := t.url.Query(); q.Has("listen") && q.Get("listen") != "0" {
		w.Working() // it is no fault if nobody connects
		if c, err = accept(w.Ctx, t.url.Host); err != nil {
			return nil, fmt.Errorf("wait for stream: %w", err)
		}
		through += " from " + c.RemoteAddr().String()
	} else if c, err = new(net.Dialer).DialContext(w.Ctx, "tcp", t.url.Host); err != nil {
		return nil, fmt.Errorf("open stream: %w", w.Explain(err))
	}
	context.AfterFunc(w.Ctx, func() { c.Close() })
	return &Stream{body: c, Through: through}, nil
}

func accept(ctx context.Context, address string) (net.Conn, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	c, err := l.Accept()
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return c, err
}

const (
	// maxDatagram is the most that UDP carries.
	maxDatagram = 1 << 16
	// udpBuffer is what the system is asked to keep while a picture is worked on: a second at 30 Mbit/s. It may give less.
	udpBuffer = 4 << 20
)

// connectUDP receives at an address of this machine, or what is sent to a multicast group.
func connectUDP(w *Watchdog, t Target) (*Stream, error) {
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
	context.AfterFunc(w.Ctx, func() { c.Close() })
	return &Stream{body: &datagrams{UDPConn: c}, Kind: TS, Through: "UDP at " + c.LocalAddr().String()}, nil
}

// datagrams makes a stream of bytes of datagrams, which may be RTP packets with a transport stream in them (RFC 2250).
type datagrams struct {
	*net.UDPConn
	buf  [maxDatagram]byte
	left []byte
}

func (d *datagrams) Read(b []byte) (int, error) {
	for len(d.left) == 0 {
		n, err := d.UDPConn.Read(d.buf[:])
		if err != nil {
			return 0, err
		}
		d.left = withoutRTP(d.buf[:n])
	}
	n := copy(b, d.left)
	d.left = d.left[n:]
	return n, nil
}

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
