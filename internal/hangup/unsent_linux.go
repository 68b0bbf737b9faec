package hangup

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes the other side has not acknowledged yet.
func unsent(conn *net.TCPConn) (n int) {
	raw, err := conn.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	}
	return n
}
