package journal

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

func TestReached(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenReached(dir, "main"); err == nil {
		t.Error("it was opened in a folder that is not there")
	}
	j, err := Open(Options{Dir: dir, Channels: []string{"main"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	// Each value is written over the one before, longer or shorter, and the file keeps its size.
	for i, n := range []int64{-1, 1029, markers.MaxFrame, 59, 0} {
		r, err := OpenReached(dir, "main")
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && r.Frame() != -1 {
			t.Errorf("a new one begins with %d", r.Frame())
		}
		if err := r.Reach(n); err != nil {
			t.Fatal(err)
		}
		// No Close: a process that is killed does not.
		again, err := OpenReached(dir, "main")
		if err != nil || again.Frame() != n {
			t.Fatalf("%d was written, %+v read, %v", n, again, err)
		}
		if info, err := os.Stat(filepath.Join(dir, "main", "reached")); err != nil || info.Size() != 20 {
			t.Errorf("%v, %v", info, err)
		}
		again.Close()
		r.Close()
	}
	for _, text := range []string{"x", "12 ", "99999999999999999999\n", "0000137438953472000\n"} {
		if err := os.WriteFile(filepath.Join(dir, "main", "reached"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenReached(dir, "main"); err == nil || !strings.Contains(err.Error(), "delete the file") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := OpenReached(dir, "../main"); err == nil {
		t.Error("a channel's name led out of the folder")
	}
	if err := os.MkdirAll(filepath.Join(dir, "other", "reached"), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReached(dir, "other"); err == nil || !strings.Contains(err.Error(), "newest frame that was sent") {
		t.Errorf("a folder in its place: %v", err)
	}
	// --reset begins anew, and leaves what is not the journal's.
	foreign := filepath.Join(dir, "main", journalDir, "segments.hd-1.jsonl")
	must(t, os.WriteFile(foreign, nil, 0o600))
	if j, err = Open(Options{Dir: dir, Channels: []string{"main"}, Reset: true}); err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	entries, err := os.ReadDir(filepath.Join(dir, "main", journalDir))
	if kinds, _ := j.Kinds(t.Context(), "main"); err != nil || !slices.Equal(kinds, markers.Kinds()) || !slices.ContainsFunc(entries,
		func(e os.DirEntry) bool { return e.Name() == filepath.Base(foreign) }) {
		t.Errorf("logs %v and files %v after a reset, %v", kinds, entries, err)
	}
	r, err := OpenReached(dir, "main")
	if err != nil || r.Frame() != -1 {
		t.Fatalf("after a reset: %+v, %v", r, err)
	}
	r.Close()
	if err := r.Reach(1); err == nil {
		t.Error("it was written after it was closed")
	}
}
