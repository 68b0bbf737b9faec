package splice

import (
	"net"
	"syscall"
)

// pends is what can be read of a connection without waiting.
type pends int

const (
	nothingPends pends = iota // or it can't be told
	bytesPend
	endPends // with no bytes before it
)

// pending says what can be read of a connection. It reads nothing, and may be called while somebody else reads.
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
