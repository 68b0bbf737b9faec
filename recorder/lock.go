package recorder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/refstream/refstream/internal/filelock"
)

// lockFile keeps a session to one recorder.
const lockFile = "session.lock"

// lockSession takes the lock of the session in a folder.
func lockSession(dir string) (*filelock.File, error) {
	name := filepath.Join(dir, lockFile)
	for {
		f, err := filelock.Lock(name)
		var held *filelock.HeldError
		switch {
		case errors.As(err, &held):
			return nil, fmt.Errorf("%w by process %s: stop it, or record into another session", ErrInUse, held.Owner)
		case err != nil:
			return nil, err
		case same(f, name):
			return f, nil
		}
		f.Close() // another recorder took its session away meanwhile
	}
}

// same reports whether a name is still that of an open file.
func same(f *filelock.File, name string) bool {
	a, err := f.Stat()
	if err != nil {
		return true
	}
	b, err := os.Stat(name)
	return err == nil && os.SameFile(a, b)
}
