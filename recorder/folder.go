package recorder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/internal/filelock"
)

// partPrefix begins the names of files that are not whole yet.
const partPrefix = ".part-"

type folder struct {
	dir   string
	undo  func() // removes the folders that did not exist before
	lock  *filelock.File
	fresh bool // there was no session before, so that it may be removed again
}

// openFolder makes or opens the folder of a session, locks it, and removes what a killed recorder left behind.
func openFolder(dir string) (*folder, error) {
	f := &folder{dir: dir}
	var err error
	if f.undo, err = atomicfile.Folders(dir); err == nil {
		err = atomicfile.Folder(filepath.Join(dir, chunksDir))
	}
	if err == nil {
		f.lock, err = lockSession(dir)
	}
	for _, suffix := range databaseSuffixes() {
		if err == nil { // SQLite would follow a link
			err = atomicfile.Check(filepath.Join(dir, databaseFile+suffix))
		}
	}
	if err == nil {
		_, missing := os.Lstat(filepath.Join(dir, databaseFile))
		f.fresh = errors.Is(missing, os.ErrNotExist)
		err = f.tidy()
	}
	if err != nil {
		f.close()
		f.remove(nil)
		return nil, err
	}
	return f, nil
}

// databaseSuffixes are how the names of the files end that SQLite keeps, the database last.
func databaseSuffixes() []string { return []string{"-wal", "-shm", "-journal", ""} }

func (f *folder) tidy() error {
	chunks := filepath.Join(f.dir, chunksDir)
	entries, err := os.ReadDir(chunks)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partPrefix) {
			if err := os.Remove(filepath.Join(chunks, e.Name())); err != nil {
				return fmt.Errorf("remove what was begun: %w", err)
			}
		}
	}
	return nil
}

// checkEmpty reports chunks of a session that isn't there any more.
func (f *folder) checkEmpty() error {
	entries, err := os.ReadDir(filepath.Join(f.dir, chunksDir))
	if err != nil || len(entries) == 0 {
		return err
	}
	return fmt.Errorf("%w: its %s is missing or empty, and there are %d files in %s: put it back, or record into another session",
		ErrDamaged, databaseFile, len(entries), chunksDir)
}

// remove removes what this recorder made, and nothing else: a new session with the chunks that it names, and empty folders.
func (f *folder) remove(chunks []string) {
	if f.fresh {
		for _, name := range chunks {
			os.Remove(filepath.Join(f.dir, chunksDir, name))
		}
		for _, suffix := range databaseSuffixes() {
			os.Remove(filepath.Join(f.dir, databaseFile+suffix))
		}
		os.Remove(filepath.Join(f.dir, chunksDir))
		os.Remove(filepath.Join(f.dir, lockFile))
	}
	f.undo()
}

func (f *folder) close() {
	if f.lock != nil {
		f.lock.Close()
		f.lock = nil
	}
}

// lockFile keeps a session to one recorder.
const lockFile = "session.lock"

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
		}
		mine, err := f.Stat()
		if err != nil {
			return f, nil
		}
		if there, err := os.Stat(name); err == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close() // another recorder took its session away meanwhile
	}
}
