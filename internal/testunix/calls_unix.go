//go:build unix

package testunix

import (
	"errors"
	"syscall"
)

// What a process can be sent: to hold it, to let it continue, to end it at once.
const (
	Stop     = syscall.SIGSTOP
	Continue = syscall.SIGCONT
	Kill     = syscall.SIGKILL
)

// Send sends a signal to a process.
func Send(pid int, s syscall.Signal) error { return syscall.Kill(pid, s) }

// Gone reports whether there is no process with this id.
func Gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// MakeFIFO makes a FIFO.
func MakeFIFO(name string) error { return syscall.Mkfifo(name, 0o600) }

// ReceiveBuffer sets how many bytes of a socket the system keeps for its reader.
func ReceiveBuffer(fd uintptr, size int) error {
	return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size)
}
