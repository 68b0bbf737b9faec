//go:build unix

package truth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// TestLinks writes nothing through symbolic links in the folder of a session.
func TestLinks(t *testing.T) {
	t.Parallel()
	session, elsewhere := t.TempDir(), t.TempDir()
	target := filepath.Join(elsewhere, "target")
	if err := os.WriteFile(target, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(to, name string) string {
		t.Helper()
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, open := range map[string]func() error{
		link(elsewhere, filepath.Join(session, folder)): func() error {
			return writeChannel(filepath.Join(session, folder), Channel{Channel: channel()})
		},
		link(target, filepath.Join(session, "frames.jsonl")): func() error {
			_, err := openRecordLog[markers.FrameRecord](session, "frames")
			return err
		},
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), name+" is a symbolic link") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "kept" {
		t.Errorf("%q, %v", got, err)
	}
	if list, err := os.ReadDir(elsewhere); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}
