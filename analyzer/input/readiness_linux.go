package input

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// readyEvery is how often it is looked at whether a context has ended, in milliseconds: people take it for at once.
const readyEvery = 50

// readiness knows when there is something to read, or the end, from a file that may have neither yet. A FIFO that nobody
// has opened for writing is not ready, where read(2) would take it for one that has ended.
type readiness struct{ epoll int }

// newReadiness returns nil for files that are always ready, as regular ones and /dev/null are.
func newReadiness(f *os.File) (*readiness, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	add := conn.Control(func(fd uintptr) {
		err = syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
	})
	if add == nil && err == nil {
		return &readiness{epoll}, nil
	}
	syscall.Close(epoll)
	if errors.Is(err, syscall.EPERM) { // epoll_ctl(2): the file does not support epoll
		return nil, add
	}
	return nil, errors.Join(add, os.NewSyscallError("epoll_ctl", err))
}

// wait waits until the file is ready or ctx is done, whose error it then returns.
func (r *readiness) wait(ctx context.Context) error {
	var events [1]syscall.EpollEvent
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := syscall.EpollWait(r.epoll, events[:], readyEvery)
		switch {
		case err != nil && !errors.Is(err, syscall.EINTR):
			return os.NewSyscallError("epoll_wait", err)
		case n > 0:
			return nil
		}
	}
}

func (r *readiness) close() error { return syscall.Close(r.epoll) }
