//go:build unix

package recorder

import (
	"math"
	"syscall"
)

// fileLimit is how many bytes a file of this process may have.
func fileLimit() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit) != nil {
		return math.MaxUint64
	}
	return uint64(limit.Cur) //nolint:unconvert // it is signed elsewhere
}
