package dvr

import (
	"net"
	"sync/atomic"
	"time"
)

// chunkSize is how much is read of a connection at once: the capacity of a usual socket's buffer, or a part of it.
const chunkSize = 64 << 10

// sender is a connection that brings a stream, or something else.
type sender struct {
	conn  net.Conn
	from  string
	began time.Time
	// heard is when bytes came last: nanoseconds after began.
	heard atomic.Int64
	// dropped is why the connection was closed here, nil as long as it was not.
	dropped atomic.Pointer[string]
}

func newSender(conn net.Conn, now time.Time) *sender {
	return &sender{conn: conn, from: conn.RemoteAddr().String(), began: now}
}

// silent is how long nothing has come.
func (s *sender) silent(now time.Time) time.Duration {
	return now.Sub(s.began) - time.Duration(s.heard.Load())
}

// drop closes the connection for a reason.
func (s *sender) drop(reason string) {
	s.dropped.CompareAndSwap(nil, &reason)
	s.conn.Close()
}

// chunk is some bytes that came, and why no more come after them, if so.
type chunk struct {
	data []byte
	err  error
}

// read reads the connection and passes on what comes, until it ends or quit is closed. Each chunk must be given back to
// free before the one after the next comes.
func (s *sender) read(chunks chan<- chunk, free <-chan []byte, quit <-chan struct{}) {
	for {
		var c chunk
		select {
		case c.data = <-free:
		case <-quit:
			return
		}
		var n int
		n, c.err = s.conn.Read(c.data[:chunkSize])
		c.data = c.data[:n]
		select {
		case chunks <- c:
		case <-quit:
			return
		}
		if c.err != nil {
			return
		}
	}
}
