//go:build unix

package atomicfile

import "syscall"

// noFollow has open(2) refuse a symbolic link, and not wait for the other end of a FIFO.
const noFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
