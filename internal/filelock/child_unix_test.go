//go:build unix

package filelock

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestLockAndChild: a child that is being started, and has the open file until it becomes another program, keeps no lock
// that was given back.
func TestLockAndChild(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	f, err := Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	of, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(of)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
