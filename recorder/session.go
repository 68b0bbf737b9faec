package recorder

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// readers is how many connections to the database are kept open: opening one costs more than reading a content.
const readers = 8

// Info describes a session.
type Info struct {
	// URL is the address as it was given to the recorder, but absolute where it was the path of a file.
	URL     string
	Version string    // that of refstream
	Created time.Time // in UTC
}

// Session is a recorded session, open for reading: also while it is being recorded, after its recorder was killed, or from a
// read-only folder. It may be used by several goroutines at once. Iterations read rows as they proceed, and end with the first
// error. Results are the caller's unless documented otherwise.
type Session struct {
	dir  string
	info Info
	db   *sql.DB
	copy string // a folder with a copy of the database, empty for none
}

// Open opens the session in a folder. The error wraps ErrNoSession or ErrDamaged, or is another.
func Open(ctx context.Context, dir string) (*Session, error) {
	s := &Session{dir: dir}
	err := findSession(dir)
	if err == nil {
		err = s.open(ctx)
	}
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("%w: make it readable for this user", err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open session %s: %w", dir, err), s.Close())
	}
	return s, nil
}

// open finds a way to open the database. SQLite wants to write beside one in WAL mode, which is not always possible.
func (s *Session) open(ctx context.Context) error {
	mode := "mode=ro"
	if info, err := os.Stat(filepath.Join(s.dir, databaseFile+"-wal")); err != nil || info.Size() == 0 {
		// It was closed: who may write, takes away again what SQLite puts beside it. Nothing in it is changed.
		mode = "mode=rw&_pragma=query_only(1)"
	}
	err := s.try(ctx, s.dir, mode)
	if c := code(err); c != codeCantOpen && c != codeReadOnly && c != codeIO {
		return err
	}
	if err := checkReadable(s.dir); err != nil {
		return err
	}
	wal, walErr := os.Stat(filepath.Join(s.dir, databaseFile+"-wal"))
	if walErr != nil || wal.Size() == 0 {
		return s.try(ctx, s.dir, "mode=ro&immutable=1")
	}
	// What the recorder that was killed wrote last is in the log, which can only be read where SQLite can write.
	if s.copy, err = copyDatabase(ctx, s.dir); err != nil {
		return err
	}
	return s.try(ctx, s.copy, "")
}

func (s *Session) try(ctx context.Context, dir, parameters string) error {
	if s.db != nil {
		s.db.Close()
	}
	db, err := openDatabase(dir, parameters+"&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	db.SetMaxIdleConns(readers)
	s.db = db
	empty, err := checkSchema(ctx, db)
	if err != nil {
		return err
	}
	if empty {
		return fmt.Errorf("%w: %s is empty", ErrNoSession, databaseFile)
	}
	s.info, err = readInfo(ctx, db)
	return err
}

// Close ends the reading. Iterations must have ended.
func (s *Session) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.copy != "" {
		err = errors.Join(err, os.RemoveAll(s.copy))
	}
	return err
}

// Info describes the session.
func (s *Session) Info() Info { return s.info }

const named = 10 // how many sessions an error names

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
		others := cmp.Or(sessionsIn(dir), sessionsIn(filepath.Dir(dir)))
		return fmt.Errorf("%w: the folder holds no %s%s", ErrNoSession, databaseFile, others)
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
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), databaseFile)); err == nil {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return ""
	}
	text := "; sessions in " + dir + ": " + strings.Join(names[:min(len(names), named)], ", ")
	if more := len(names) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// checkReadable reports why a database can't be read at all. It must not run while this process writes to it: closing a file
// that SQLite has open would end its locks.
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

// copyDatabase copies a database that nobody writes to into a new folder, which the caller removes.
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
	defer context.AfterFunc(ctx, func() { in.Close() })() // it ends the copying
	_, err = io.Copy(out, in)
	return errors.Join(ctx.Err(), err, out.Close())
}
