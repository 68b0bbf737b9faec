package recorder

import (
	"errors"
	"fmt"
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
