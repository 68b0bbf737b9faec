//go:build !unix

package terminal

import "os"

// foreground reports whether this process is in the foreground of a terminal, which can't be known here.
func foreground(*os.File) bool { return true }
