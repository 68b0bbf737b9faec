package dvr

import (
	"errors"
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
	var n int
	var got error
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, got = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case err != nil: // closed here
		return endPends
	case errors.Is(got, syscall.EAGAIN) || errors.Is(got, syscall.EINTR):
		return nothingPends
	case got != nil || n == 0:
		return endPends
	}
	return bytesPend
}
