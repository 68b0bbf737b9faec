package encoder

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is what any user may ask for (/proc/sys/fs/pipe-max-size): the default, 64 KiB, takes 95 rounds for a 1080p picture.
const pipeSize = 1 << 20

// growPipe enlarges a pipe's buffer. It is an optimisation: failing, for instance at the user's limit, does no harm.
func growPipe(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}
