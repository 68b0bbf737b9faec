package rlimit

import "math"

// FileSize and OpenFiles have no limit on Windows.
func FileSize() uint64 { return math.MaxUint64 }

// OpenFiles is as FileSize.
func OpenFiles() uint64 { return math.MaxUint64 }
