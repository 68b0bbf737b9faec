// Package limits keeps the clients of a server from taking all that it has: connections, endless answers and their time,
// posts.
package limits

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// Listener bounds the connections that a server has at once. Where all places are taken, the connection that has been silent
// for longest, without a request under way, is closed for the next one; where none is silent, the next one waits.
//
// netutil.LimitListener has no silent ones make room, so that whoever says nothing keeps others out until a timeout. It also wraps
// the connections: files would no longer go from the disk to the socket in the kernel, nor could buffers be set.
type Listener struct {
	net.Listener
	max int

	mu      sync.Mutex
	changed *sync.Cond // of mu: a connection has ended or fallen silent, or the listener was closed
	open    int
	silent  []net.Conn // longest first
	closing map[net.Conn]struct{}
	closed  bool
}

// NewListener bounds the connections of ln. What it makes needs to know what becomes of them: see State.
func NewListener(ln net.Listener, max int) *Listener {
	l := &Listener{Listener: ln, max: max, closing: map[net.Conn]struct{}{}}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// Accept waits for a connection, and for a place for it.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.open >= l.max && !l.closed {
		if len(l.silent) > 0 && l.open-len(l.closing) >= l.max {
			l.closing[l.silent[0]] = struct{}{}
			_ = l.silent[0].Close() // the server sees that, and gives the place back
			l.silent = slices.Delete(l.silent, 0, 1)
			continue
		}
		l.changed.Wait()
	}
	if l.closed {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.open++
	l.silent = append(l.silent, c)
	return c, nil
}

// Close ends Accept.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.changed.Broadcast()
	return err
}

// State takes note of what becomes of a connection (http.Server.ConnState).
func (l *Listener) State(c net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.silent, c)
	switch state {
	case http.StateNew: // Accept has taken note
		return
	case http.StateIdle:
		if _, is := l.closing[c]; at < 0 && !is {
			l.silent = append(l.silent, c)
		}
	case http.StateActive, http.StateClosed, http.StateHijacked:
		if at >= 0 {
			l.silent = slices.Delete(l.silent, at, at+1)
		}
		if state != http.StateActive {
			l.open--
			delete(l.closing, c)
		}
	}
	l.changed.Signal()
}
