package markers

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/internal/filelock"
)

// lockFile takes the lock that keeps a channel's journal to one process.
func lockFile(name string) (*filelock.File, error) {
	f, err := filelock.Lock(name)
	var held *filelock.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("data directory is in use by process %s (lock %s): stop it, or use another directory", held.Owner, name)
	}
	return f, err
}
