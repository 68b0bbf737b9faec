package journal

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/internal/filelock"
)

// lockError adds what to do where another process has the lock that keeps a channel's journal to one.
func lockError(err error) error {
	var held *filelock.HeldError
	if errors.As(err, &held) {
		return fmt.Errorf("data directory is in use by process %s (lock %s): stop it, or use another directory", held.Owner, held.Name)
	}
	return err
}
