package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// named is how many sessions an error names.
const named = 10

// findSession reports where a folder holds no session, and what is there instead.
func findSession(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w%s", ErrNoSession, sessionsIn(filepath.Dir(dir)))
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%w: it is a file; a session is the folder of %s", ErrNoSession, databaseFile)
	}
	info, err = os.Stat(filepath.Join(dir, databaseFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		if inside := sessionsIn(dir); inside != "" {
			return fmt.Errorf("%w: the folder holds no %s%s", ErrNoSession, databaseFile, inside)
		}
		return fmt.Errorf("%w: the folder holds no %s%s", ErrNoSession, databaseFile, sessionsIn(filepath.Dir(dir)))
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is no file", ErrNoSession, databaseFile)
	}
	return nil
}

// sessionsIn names the sessions in a folder for an error, empty where there are none.
func sessionsIn(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var names []string
	more := 0
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), databaseFile)); err != nil {
			continue
		}
		if len(names) < named {
			names = append(names, e.Name())
		} else {
			more++
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := "; sessions in " + dir + ": " + strings.Join(names, ", ")
	if more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// checkReadable reports why a database can't be read at all. Nobody writes to it: to close a file that SQLite has open
// elsewhere in the process would end its locks.
func checkReadable(dir string) error {
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err == nil {
			f.Close()
		} else if !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copyDatabase copies a database that nobody writes to into a folder of its own, which is the caller's to remove.
func copyDatabase(ctx context.Context, dir string) (string, error) {
	to, err := os.MkdirTemp("", "refstream-session-")
	if err != nil {
		return "", fmt.Errorf("copy %s, since its folder can't be written to: %w", databaseFile, err)
	}
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		if err = copyFile(ctx, filepath.Join(to, name), filepath.Join(dir, name)); err != nil {
			return "", errors.Join(fmt.Errorf("copy %s, since its folder can't be written to: %w", name, err), os.RemoveAll(to))
		}
	}
	return to, nil
}

func copyFile(ctx context.Context, to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, contextReader{ctx, in})
	return errors.Join(err, out.Close())
}

// contextReader ends reading when its context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads once.
func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
