//go:build unix

package splice

import (
	"errors"
	"syscall"
)

// peek is pending of a socket.
func peek(fd uintptr) pends {
	var b [1]byte
	n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	switch {
	case errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR):
		return nothingPends
	case err != nil || n == 0:
		return endPends
	}
	return bytesPend
}
