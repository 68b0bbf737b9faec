//go:build unix

package catalogue

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A named pipe without a writer is an empty file, and one with a writer is read to its end.
func TestLoadPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(name); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("without a writer: %v", err)
	}
	w, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // more than a pipe holds: the end is written when somebody reads
		_, _ = w.WriteString(strings.Repeat("# a line that says nothing\n", 5000) + "version: 1\nname: x\nfaults: [{do: black, at: 4s, for: 2s}]\n")
		_ = w.Close()
	}()
	if f, err := Load(name); err != nil || f.Name != "x" {
		t.Errorf("with a writer: %v", err)
	}
}
