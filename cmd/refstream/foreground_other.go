//go:build !unix

package main

import "os"

// foreground reports whether this process is what a terminal is for just now: here that can't be told.
func foreground(*os.File) bool { return true }
