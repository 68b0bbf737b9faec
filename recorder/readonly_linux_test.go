package recorder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestReadOnly reads the session of a recorder that was killed where nothing can be written: with and without the files
// that SQLite keeps beside it, and one that was closed.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	l := newLive(t, liveLength, nil)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Logf("no file system can be mounted here (%v): the folder is made read-only", err)
	} else {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
	}
	session := filepath.Join(dir, "s")
	before := killed(t, l, session)
	readOnly := func(on bool) {
		flags, mode := uintptr(syscall.MS_REMOUNT), os.FileMode(0o755)
		if on {
			flags, mode = flags|syscall.MS_RDONLY, 0o555
		}
		_ = os.Chmod(session, mode)
		_ = syscall.Mount("tmpfs", dir, "tmpfs", flags, "")
		_ = os.Chmod(session, mode)
		if f, err := os.Create(filepath.Join(session, "probe")); err == nil {
			f.Close()
			if on {
				t.Log("it could be written to all the same")
			}
		}
	}
	read := func(what string) {
		readOnly(true)
		defer readOnly(false)
		s, err := Open(t.Context(), session)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		list, err := all(s.Exchanges(t.Context()))
		if err != nil || len(list) < before {
			t.Errorf("%s: %d exchanges, before there were %d, %v", what, len(list), before, err)
		}
		for _, e := range list {
			bodyOf(t, s, e.Body)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if s.copy != "" {
			if _, err := os.Stat(s.copy); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: the copy %s is left: %v", what, s.copy, err)
			}
		}
	}
	read("as it was left")
	if err := os.Remove(filepath.Join(session, databaseFile+"-shm")); err != nil {
		t.Fatal(err)
	}
	read("without the index")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Record(ctx, Options{Dir: session, Now: time.Now}); err != nil { // which closes it properly
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(filepath.Join(session, databaseFile+suffix)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left after the end: %v", suffix, err)
		}
	}
	read("closed")
}
