package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestWrite(t *testing.T) {
	failed := errors.New("failed")
	for _, temp := range []string{".part-*", "name.tmp"} {
		dir := t.TempDir()
		name := filepath.Join(dir, "name")
		expect := func(want string) {
			t.Helper()
			got, err := os.ReadFile(name)
			entries, _ := os.ReadDir(dir)
			if err != nil || string(got) != want || len(entries) != 1 {
				t.Errorf("%s: %q, %v, in the folder %v, want %q alone", temp, got, err, entries, want)
			}
		}
		if err := Write(name, temp, Bytes([]byte("old, and long"))); err != nil {
			t.Fatal(err)
		}
		expect("old, and long")
		err := Write(name, temp, func(w io.Writer) error {
			_, err := io.WriteString(w, "half")
			return errors.Join(err, failed)
		})
		if !errors.Is(err, failed) {
			t.Errorf("%s: error %v", temp, err)
		}
		expect("old, and long")
		if err := WriteSynced(name, temp, []byte("new")); err != nil {
			t.Fatal(err)
		}
		expect("new")
	}
}

// TestWriteNot has a folder where the file would be: no temporary file is left.
func TestWriteNot(t *testing.T) {
	for _, temp := range []string{".part-*", "name.tmp"} {
		dir := t.TempDir()
		name := filepath.Join(dir, "name")
		if err := os.MkdirAll(filepath.Join(name, "inside"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := Write(name, temp, Bytes(nil)); err == nil {
			t.Errorf("%s: no error", temp)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("%s: %v", temp, entries)
		}
	}
}
