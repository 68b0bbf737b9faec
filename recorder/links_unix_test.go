//go:build unix

package recorder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinks records into no folder that has symbolic links where a session's own files are: what they lead to stays as it is.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{lockFile, chunksDir, databaseFile, databaseFile + "-wal"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, elsewhere := sample(t), t.TempDir()
			target := filepath.Join(elsewhere, "target")
			if name == chunksDir {
				if err := os.Mkdir(target, 0o700); err != nil {
					t.Fatal(err)
				}
				target = filepath.Join(target, partPrefix+"kept")
			}
			if err := os.WriteFile(target, []byte("kept"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(elsewhere, "target"), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			_, err := tryRecord(t, Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), name+" is a symbolic link") {
				t.Errorf("error %v", err)
			}
			if got, err := os.ReadFile(target); err != nil || string(got) != "kept" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
