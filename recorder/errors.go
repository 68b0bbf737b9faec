package recorder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
)

var (
	// ErrNoSession is what Open's error is where a folder holds no session.
	ErrNoSession = errors.New("no such session")
	// ErrInUse is what Record's error is where another recorder writes to the session.
	ErrInUse = errors.New("session is being recorded")
	// ErrDamaged is what errors of a Session are where it isn't what was recorded any more.
	ErrDamaged = errors.New("session is damaged")
)

// NotAsked begins the Error of a Segment that a playlist named and that was never asked for, since the recorder came too
// late: it has no Exchange.
const NotAsked = "not asked for"

// Result codes of SQLite (sqlite.org/rescode.html); the lowest byte of an error's code.
const (
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeMismatch = 20
	codeNoFormat = 24
	codeNoDB     = 26
)

// code is the result code of an error of SQLite, 0 of others.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// explain makes errors of SQLite known that callers ask for.
func explain(err error) error {
	switch code(err) {
	case codeCorrupt, codeMismatch, codeNoFormat, codeNoDB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case codeFull:
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}

// explainWrite is explain of an error of writing to the session in a folder: SQLite doesn't say why it could not.
func explainWrite(dir string, err error) error {
	err = explain(err)
	if code(err) != codeIO {
		return err
	}
	if cause := cantWrite(dir); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// probed is how much is written to see whether it can be.
const probed = 64 << 10

// cantWrite finds out why no more can be written into a folder, nil where it can be or that isn't known.
func cantWrite(dir string) error {
	limit := fileLimit()
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(filepath.Join(dir, databaseFile+suffix))
		if err == nil && uint64(max(info.Size(), 0)+probed) > limit {
			return syscall.EFBIG
		}
	}
	f, err := os.CreateTemp(dir, partPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probed))
	err = errors.Join(err, f.Close())
	os.Remove(f.Name())
	return err
}
