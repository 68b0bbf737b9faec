package splice

import (
	"net"
	"sync/atomic"
	"time"
)

// chunkSize is how much is read of a connection at once: the capacity of a usual socket's buffer, or a part of it.
const chunkSize = 64 << 10

type sender struct {
	conn  net.Conn
	from  string
	began time.Time
	heard atomic.Int64 // when bytes were last received, in nanoseconds after began
	// spoke: bytes were received. streams: some of them are a transport stream.
	spoke, streams atomic.Bool
	behind         atomic.Bool            // bytes, or the end, were received and not taken yet
	dropped        atomic.Pointer[string] // why the connection was closed here, nil as long as it was not
}

func newSender(conn net.Conn, now time.Time) *sender {
	return &sender{conn: conn, from: conn.RemoteAddr().String(), began: now}
}

// hear notes received bytes, or that reading begins.
func (s *sender) hear(now time.Time) { s.heard.Store(int64(now.Sub(s.began))) }

// silent is how long nothing was received.
func (s *sender) silent(now time.Time) time.Duration {
	if s.behind.Load() {
		return 0
	}
	return now.Sub(s.began) - time.Duration(s.heard.Load())
}

// mute reports whether nothing was received, nor can be read.
func (s *sender) mute() bool { return !s.spoke.Load() && pending(s.conn) == nothingPends }

func (s *sender) drop(reason string) {
	s.dropped.CompareAndSwap(nil, &reason)
	s.conn.Close()
}

// chunk is some received bytes, and the error after them.
type chunk struct {
	data []byte
	err  error
}

// read passes on what it reads, until the connection ends or quit is closed. Each chunk must be given back to free before the one
// after the next.
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
