package recorder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFile keeps a session to one recorder.
const lockFile = "session.lock"

// lockSession takes the lock of the session in a folder, which ends with the process, however that ends. The file holds the
// process id of the last owner, for people.
func lockSession(dir string) (*os.File, error) {
	name := filepath.Join(dir, lockFile)
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			owner, _ := os.ReadFile(name)
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("%w by process %s: stop it, or record into another session", ErrInUse,
					strings.TrimSpace(string(owner)))
			}
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		if !same(f, name) { // another recorder took its session away between the two calls
			f.Close()
			continue
		}
		// The number is a help, not the lock: a full disk is no reason to stop here.
		if f.Truncate(0) == nil {
			_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
		}
		return f, nil
	}
}

// same reports whether a name is still that of an open file.
func same(f *os.File, name string) bool {
	a, err := f.Stat()
	if err != nil {
		return true
	}
	b, err := os.Stat(name)
	return err == nil && os.SameFile(a, b)
}
