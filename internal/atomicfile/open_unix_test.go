//go:build unix

package atomicfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLinks writes nothing through symbolic links, and waits for no FIFO.
func TestLinks(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, link := range []string{"link", "temp"} {
		if err := os.Symlink("target", at(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(".", at("folder")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("target"), []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(name string) error {
		f, err := Open(at(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err == nil {
			f.Close()
		}
		return err
	}
	for want, err := range map[string]error{
		at("link") + " is a symbolic link":   open("link"),
		at("fifo") + " is no regular file":   open("fifo"),
		dir + " is no regular file":          Check(dir),
		at("folder") + " is a symbolic link": Folder(at("folder")),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), ": remove it") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := Write(at("new"), "temp", Bytes([]byte("new"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"target": "kept", "new": "new"} {
		if got, err := os.ReadFile(at(name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if info, err := os.Lstat(at("new")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the new file: %v, %v", info, err)
	}
	if err := open("own"); err != nil {
		t.Error(err)
	}
	if err := Folder(at("folder/below/it")); err != nil {
		t.Errorf("a folder below a link: %v", err)
	}
}
