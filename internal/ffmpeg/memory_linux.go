package ffmpeg

import "golang.org/x/sys/unix"

// limitMemory bounds the memory that a process may write to, its threads' stacks and all (setrlimit(2), RLIMIT_DATA).
func limitMemory(pid int, bytes uint64) {
	_ = unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: bytes, Max: bytes}, nil)
}
