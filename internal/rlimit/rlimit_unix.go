//go:build unix

// Package rlimit reads what the system lets this process have.
package rlimit

import (
	"math"
	"syscall"
)

// FileSize is how many bytes a file may have.
func FileSize() uint64 { return limit(syscall.RLIMIT_FSIZE) }

// OpenFiles is how many files may be open. Go has raised the limit to what the system allows.
func OpenFiles() uint64 { return limit(syscall.RLIMIT_NOFILE) }

func limit(resource int) uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(resource, &l) != nil {
		return math.MaxUint64
	}
	return uint64(l.Cur) //nolint:unconvert // it is signed elsewhere
}
