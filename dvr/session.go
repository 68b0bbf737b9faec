package dvr

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/dvr/splice"
	"github.com/refstream/refstream/internal/filelock"
)

const (
	lockFile      = "dvr.lock"
	nameLayout    = "20060102_150405" // how a session without a name is called
	maxSameSecond = 100               // how many sessions may begin in one folder in one second
)

// session is an open session's folder. It belongs to this process until close.
type session struct {
	name, folder string
	lock         *filelock.File
	made         bool // by openSession
	files        *splice.Files
}

func openSession(o Options) (*session, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	s := &session{name: o.Session}
	var err error
	if s.name == "" {
		s.made = true
		s.name, err = makeNamed(o.Dir, o.Now())
	} else {
		err = os.Mkdir(filepath.Join(o.Dir, s.name), 0o755)
		s.made = err == nil
		if errors.Is(err, os.ErrExist) {
			err = checkSession(filepath.Join(o.Dir, s.name))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make session: %w", err)
	}
	s.folder = filepath.Join(o.Dir, s.name)
	if s.lock, err = lockSession(s.folder); err != nil {
		if s.made {
			os.Remove(s.folder)
		}
		return nil, err
	}
	if s.files, err = splice.Open(s.folder); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// makeNamed makes a folder that is named by the time, with a number where there is one already.
func makeNamed(dir string, now time.Time) (string, error) {
	base := now.Format(nameLayout)
	for i := 1; ; i++ {
		name := base
		if i > 1 {
			name = fmt.Sprintf("%s_%d", base, i)
		}
		err := os.Mkdir(filepath.Join(dir, name), 0o755)
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, os.ErrExist) || i == maxSameSecond {
			return "", err
		}
	}
}

// checkSession reports a folder with something else than a session.
func checkSession(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile || e.Name() == filepath.Dir(splice.RecordingFile) {
			return nil
		}
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is there and is no session of a recording (it has no %s): use another name", folder, splice.RecordingFile)
	}
	return nil
}

func lockSession(folder string) (*filelock.File, error) {
	f, err := filelock.Lock(filepath.Join(folder, lockFile))
	var held *filelock.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("session %s is recorded by process %s: stop it, or use another session", folder, held.Owner)
	}
	return f, err
}

func (s *session) close() error {
	var err error
	if s.files != nil {
		err = s.files.Close()
	}
	s.lock.Close()
	if err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	return nil
}

// discard closes a session that could not begin, and removes it if it is new, except files of others.
func (s *session) discard() {
	if s.made {
		for _, name := range []string{splice.RecordingFile, splice.ConnectionsFile, filepath.Dir(splice.RecordingFile), lockFile} {
			os.Remove(filepath.Join(s.folder, name))
		}
		os.Remove(s.folder)
	}
	_ = s.close() // nothing was written
}
