package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	f, err := Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := Lock(name); !errors.As(err, &held) || held.Name != name || held.Owner != strconv.Itoa(os.Getpid()) {
		t.Errorf("a second lock: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(name)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := Lock(filepath.Join(name, "x")); err == nil || errors.As(err, &held) {
		t.Errorf("a lock below a file: %v", err)
	}
}
