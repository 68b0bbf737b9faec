package splice

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
	// spoke says that bytes came, and streams that some of them are a transport stream.
	spoke, streams atomic.Bool
	// behind says that bytes came, or the end, and wait here to be taken.
	behind atomic.Bool
	// dropped is why the connection was closed here, nil as long as it was not.
	dropped atomic.Pointer[string]
}

func newSender(conn net.Conn, now time.Time) *sender {
	return &sender{conn: conn, from: conn.RemoteAddr().String(), began: now}
}

// hear notes that bytes came, or that they are looked for from now on.
func (s *sender) hear(now time.Time) { s.heard.Store(int64(now.Sub(s.began))) }

// silent is how long nothing has come.
func (s *sender) silent(now time.Time) time.Duration {
	if s.behind.Load() {
		return 0
	}
	return now.Sub(s.began) - time.Duration(s.heard.Load())
}

// mute reports whether nothing has come at all, nor is there to be read.
func (s *sender) mute() bool { return !s.spoke.Load() && pending(s.conn) == nothingPends }

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
		s.behind.Store(true)
		s.spoke.CompareAndSwap(false, n > 0)
		c.data = c.data[:n]
		select {
		case chunks <- c:
		case <-quit:
			return
		}
		s.behind.Store(false)
		if c.err != nil {
			return
		}
	}
}
