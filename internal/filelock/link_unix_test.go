//go:build unix

package filelock

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLockLink takes no lock through a symbolic link: the file that it leads to would be cut off.
func TestLockLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "lock")
	if err := os.WriteFile(target, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if f, err := Lock(link); err == nil {
		f.Close()
		t.Error("no error")
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "kept" {
		t.Errorf("%q, %v", got, err)
	}
}
