package splice

import (
	"net"
	"syscall"
)

// pends is what can be read of a connection without waiting.
type pends int

const (
	nothingPends pends = iota // or not known
	bytesPend
	endPends // with no bytes before it
)

// pending reports what can be read of a connection, without reading. It may be called while another goroutine reads.
func pending(c net.Conn) pends {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nothingPends
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nothingPends
	}
	var got pends
	if err := raw.Control(func(fd uintptr) { got = peek(fd) }); err != nil { // closed here
		return endPends
	}
	return got
}
