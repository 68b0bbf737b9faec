package rtmp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// peer is the other side of a connection after the handshake. One goroutine reads; any may write.
type peer struct {
	c            net.Conn
	in           *chunkReader
	window       int64 // bytes after which the peer wants an acknowledgement, 0 none
	acknowledged int64 // bytes when the last one was sent

	writeTimeout time.Duration
	mu           sync.Mutex // protects what follows, and the order of what is written
	out          *chunkWriter
	buf          []byte
}

// maxKept is the largest buffer that is kept for the next batch; most batches are smaller.
const maxKept = 1 << 20

// packet is a message and the chunk stream that it is sent on, or why it could not be made.
type packet struct {
	chunk uint32
	message
	err error
}

func control(m message) packet { return packet{chunk: chunkControl, message: m} }

// newPeer continues from where the handshake has ended: the reader is the one that it was read through.
func newPeer(c net.Conn, r *bufio.Reader, limits readLimits, writeTimeout time.Duration) *peer {
	p := &peer{c: c, in: newChunkReader(r, limits), out: newChunkWriter(), writeTimeout: writeTimeout}
	p.in.at = 1 + 2*randomSize
	return p
}

// read gives the next message other than those that it answers or carries out itself: chunk sizes, acknowledgements and
// pings. Errors are as chunkReader.next's; those of answering wrap ErrSlow where they should.
func (p *peer) read() (message, error) {
	for {
		at := p.in.at
		m, complete, err := p.in.next()
		if err != nil {
			return message{}, err
		}
		if err := p.acknowledge(); err != nil {
			return message{}, err
		}
		if !complete {
			continue
		}
		handled, err := p.protocol(m)
		if err != nil {
			return message{}, fmt.Errorf("read RTMP message that ends with the chunk at byte %d: %w", at, err)
		}
		if !handled {
			return m, nil
		}
	}
}

// acknowledge reports to the peer what has arrived, as often as it wants to know (5.4.3).
func (p *peer) acknowledge() error {
	if p.window == 0 || p.in.at-p.acknowledged < p.window {
		return nil
	}
	p.acknowledged = p.in.at
	return p.write(control(controlMessage(typeAck, uint32(p.in.at))))
}

// protocol takes care of the messages that are about the connection itself, and reports whether m was one.
func (p *peer) protocol(m message) (bool, error) {
	switch m.typ {
	case typeSetChunkSize, typeAbort:
		return true, nil // the chunk reader has done it
	case typeAck:
		_, err := controlValue(m) // nothing is held back for want of one: the transport has its own flow control
		return true, err
	case typeWindowAckSize:
		v, err := controlValue(m)
		p.window = int64(v)
		return true, err
	case typePeerBandwidth:
		if _, err := controlValue(m); err != nil {
			return true, err
		}
		// The window is what was announced, whatever the limit: it should be said again (5.4.5).
		return true, p.write(control(controlMessage(typeWindowAckSize, windowSize)))
	case typeUserControl:
		event, value, err := parseUserControl(m)
		if err != nil || event != eventPing {
			return event == eventPong, err
		}
		return true, p.write(control(userControl(eventPong, value)))
	}
	return false, nil
}

// write sends messages, all in one Write. The error wraps ErrSlow where that took longer than it may; nothing can be
// written after one.
func (p *peer) write(packets ...packet) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.buf[:0]
	for _, k := range packets {
		err := k.err
		if err == nil {
			b, err = p.out.append(b, k.chunk, k.message)
		}
		if err != nil {
			return err
		}
	}
	if len(b) == 0 {
		return nil
	}
	if p.buf = b; cap(b) > maxKept {
		p.buf = nil
	}
	return writeWithin(p.c, b, p.writeTimeout)
}

// writeWithin writes b to c, and fails with ErrSlow if it isn't taken in time.
func writeWithin(c net.Conn, b []byte, d time.Duration) error {
	late := startTimeout(d, func() { _ = c.SetWriteDeadline(past()) })
	_, err := c.Write(b)
	if late() {
		return fmt.Errorf("write RTMP: %w: not taken in %v", ErrSlow, d)
	}
	if err != nil {
		return fmt.Errorf("write RTMP: %w", err)
	}
	return nil
}

// closeWrite states that nothing more will be sent, where the transport can.
func (p *peer) closeWrite() {
	if c, ok := p.c.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite() // or it is gone already
	}
}

// drain reads what the peer still sends until it closes, for as long as is given: a connection that is closed with
// something unread is reset, and the peer might lose the last that it was sent.
func (p *peer) drain(d time.Duration) {
	late := startTimeout(d, func() { _ = p.c.SetReadDeadline(past()) })
	defer late()
	_, _ = io.Copy(io.Discard, p.in.r)
}

// past is a deadline that has gone by.
func past() time.Time { return time.Unix(1, 0) }

// startTimeout carries out an action unless it is stopped within a time. The function that it returns stops it, and reports whether
// the time had gone by. It runs on the monotonic clock.
func startTimeout(d time.Duration, action func()) (late func() bool) {
	t := time.AfterFunc(d, action)
	return func() bool { return !t.Stop() }
}

const (
	// maxChunks a second, and maxBytes, are what a peer may send who has no media to send: commands, acknowledgements and
	// pings, a few dozen in the busiest second of any. There is room for one message of the longest in the smallest usual
	// chunks. Without a limit, chunks of one byte would keep a processor busy.
	maxChunks = 1000
	maxBytes  = 256 << 10
)

// rate counts what a peer sends in a second. It is looked at from one goroutine, with each chunk. Its zero value knows no
// limit.
type rate struct {
	second *time.Ticker
	chunks int
	since  int64 // bytes of the connection when the second began
}

// newRate begins to count. The ticker has no goroutine and ends with the connection's memory.
func newRate() rate { return rate{second: time.NewTicker(time.Second)} }

// count takes one more chunk, with which the connection is at that byte.
func (r *rate) count(at int64) error {
	if r.second == nil {
		return nil
	}
	select {
	case <-r.second.C:
		r.chunks, r.since = 0, at
	default:
	}
	r.chunks++
	if r.chunks > maxChunks || at-r.since > maxBytes {
		return fmt.Errorf("peer sends more than %d chunks or %d bytes in a second", maxChunks, maxBytes)
	}
	return nil
}
