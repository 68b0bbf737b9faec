// Package filelock keeps what is on disk to one process: with a lock of the system, which ends with the
// process, however that ends: flock(2), or LockFileEx on Windows.
package filelock

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/refstream/refstream/internal/atomicfile"
)

// HeldError reports that another process has the lock.
type HeldError struct {
	// Name is that of the lock file, Owner the id of the process that has it, as the file has it.
	Name, Owner string
}

// Error reports who has the lock.
func (e *HeldError) Error() string {
	return fmt.Sprintf("lock %s is held by process %s", e.Name, e.Owner)
}

// File is a lock file whose lock is held.
type File struct{ *os.File }

// Close gives the lock back. It says so to the system: a child that is just being started has the file too, for a moment.
func (f *File) Close() error { return errors.Join(unlock(f.File), f.File.Close()) }

// Lock takes the lock of a regular file, which is made if need be and holds the process id of the last owner, for people. Closing
// the file releases the lock. The error is a *HeldError where another process has it.
func Lock(name string) (*File, error) {
	f, err := atomicfile.Open(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if held, err := lock(f); err != nil {
		owner, _ := os.ReadFile(name)
		f.Close()
		if held {
			return nil, &HeldError{name, strings.TrimSpace(string(owner))}
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	// The number is a help, not the lock: a full disk is no reason to stop here.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	return &File{f}, nil
}
