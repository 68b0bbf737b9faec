package testunix

import (
	"errors"
	"fmt"
	"syscall"
)

// What a process can be sent elsewhere, with the numbers of Linux.
const (
	Stop     = syscall.Signal(19)
	Continue = syscall.Signal(18)
	Kill     = syscall.SIGKILL
)

// Send fails.
func Send(pid int, s syscall.Signal) error {
	return fmt.Errorf("send signal %d to process %d: %w on Windows: run this test on Linux or macOS", s, pid, errors.ErrUnsupported)
}

// Gone can't be known here: nothing that was sent to the process has ended it.
func Gone(int) bool { return false }

// MakeFIFO fails.
func MakeFIFO(name string) error {
	return fmt.Errorf("make FIFO %s: %w on Windows: run this test on Linux or macOS", name, errors.ErrUnsupported)
}

// ReceiveBuffer sets how many bytes of a socket the system keeps for its reader.
func ReceiveBuffer(fd uintptr, size int) error {
	return syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size)
}
