package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit is from which size on the garbage collector runs as often as it takes: what a server can have a command keep
// (hlsclient bounds it to 96 MiB) and half as much again.
const memoryLimit = 144 << 20

// limitMemory keeps the memory of a command that reads what anybody's server sends below 200 MB. GOMEMLIMIT in the environment
// says otherwise.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
