package splice

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// chunkSize is how much is read of a connection at once: the capacity of a usual socket's buffer, or a part of it.
const chunkSize = 64 << 10

// sender is a connection. It is read from the start, also while it waits: but only two chunks, the rest stays in the socket.
type sender struct {
	conn  net.Conn
	from  string
	began time.Time
	heard atomic.Int64 // when bytes were last received, in nanoseconds after began
	// spoke: bytes were received. over: the connection has ended. streams: some of the bytes are a transport stream.
	spoke, over, streams atomic.Bool
	behind               atomic.Bool            // bytes, or the end, were received and not taken yet
	dropped              atomic.Pointer[string] // why the connection was closed here, nil as long as it was not

	chunks  chan chunk
	free    chan []byte   // each chunk's data is given back here before the chunk after the next
	quit    chan struct{} // closed when nothing more is wanted
	quitted sync.Once
	ended   chan struct{} // closed when it is not read any more
}

// chunk is some received bytes, and the error after them.
type chunk struct {
	data []byte
	err  error
}

func newSender(conn net.Conn, now time.Time) *sender {
	s := &sender{
		conn: conn, from: conn.RemoteAddr().String(), began: now,
		chunks: make(chan chunk), free: make(chan []byte, 2), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	for range cap(s.free) {
		s.free <- make([]byte, chunkSize)
	}
	go s.read()
	return s
}

// hear notes received bytes, or that the sender's turn begins.
func (s *sender) hear(now time.Time) { s.heard.Store(int64(now.Sub(s.began))) }

// silent is how long nothing was received.
func (s *sender) silent(now time.Time) time.Duration {
	if s.behind.Load() {
		return 0
	}
	return now.Sub(s.began) - time.Duration(s.heard.Load())
}

func (s *sender) drop(reason string) {
	s.dropped.CompareAndSwap(nil, &reason)
	s.conn.Close()
}

// close ends the connection, and waits until it is not read any more.
func (s *sender) close() {
	s.quitted.Do(func() { close(s.quit) })
	s.conn.Close()
	<-s.ended
}

func (s *sender) read() {
	defer close(s.ended)
	for {
		var c chunk
		select {
		case c.data = <-s.free:
		case <-s.quit:
			return
		}
		var n int
		n, c.err = s.conn.Read(c.data[:chunkSize])
		s.behind.Store(true)
		s.spoke.CompareAndSwap(false, n > 0)
		s.over.Store(c.err != nil)
		c.data = c.data[:n]
		select {
		case s.chunks <- c:
		case <-s.quit:
			return
		}
		s.behind.Store(false)
		if c.err != nil {
			return
		}
	}
}
