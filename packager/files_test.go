package packager

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestReset removes what is published, and nothing else.
func TestReset(t *testing.T) {
	dir := t.TempDir()
	kept := []string{"mine.ts", "notes.txt", "seg-1.ts"}
	for _, name := range slices.Concat(kept, []string{MediaPlaylist, MultivariantPlaylist, TS.SegmentFile(0), TS.SegmentFile(12), temporaryPrefix + MediaPlaylist + temporarySuffix}) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Reset(dir); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	var left []string
	for _, f := range list {
		left = append(left, f.Name())
	}
	if err != nil || !slices.Equal(left, kept) {
		t.Errorf("left: %q, %v; want %q", left, err, kept)
	}
	if err := Reset(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
	if err := Reset(filepath.Join(dir, "notes.txt")); err == nil {
		t.Error("a file is no directory")
	}
}
