package main

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// TestWriteFile has a file not written: the error says what to do where the folder is the reason.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	err := writeFile(filepath.Join(dir, "missing", "a"), func(io.Writer) error { return nil })
	if err == nil || !strings.HasPrefix(err.Error(), "create ") || !strings.HasSuffix(err.Error(), "choose a folder that can be written") {
		t.Errorf("no folder: %v", err)
	}
	full := errors.New("full")
	if err := writeFile(filepath.Join(dir, "a"), func(io.Writer) error { return full }); !errors.Is(err, full) ||
		!strings.HasPrefix(err.Error(), "write ") {
		t.Errorf("full: %v", err)
	}
}
