package journal

import "syscall"

// keepSize has fallocate take room behind the end of a file (FALLOC_FL_KEEP_SIZE).
const keepSize = 1

// allocate takes room for size bytes of a file from an offset on, without making the file larger, and returns up to where
// there is room: 0 where the file system can't.
func allocate(f journalFile, offset, size int64) int64 {
	file, ok := f.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return 0
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = syscall.Fallocate(int(fd), keepSize, offset, size) })
	if err != nil || failed != nil {
		return 0
	}
	return offset + size
}
