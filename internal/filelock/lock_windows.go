package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedAt is the upper half of the offset of the byte that is locked. Windows lets nobody read a locked byte: it is far
// behind the process id, which others read.
const lockedAt = 1 << 30

// lock takes the lock of an open file without waiting: with LockFileEx.
func lock(f *os.File) (held bool, err error) {
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
		&windows.Overlapped{OffsetHigh: lockedAt})
	return errors.Is(err, windows.ERROR_LOCK_VIOLATION), err
}

// unlock does nothing: no child gets the handle, and closing the file gives the lock back.
func unlock(*os.File) error { return nil }
