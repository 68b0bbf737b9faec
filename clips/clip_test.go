package clips

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder is there with all of its files or not at all, and neither are those above it that were made for it.
func TestIntoFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "a", "b", "out")
	fill := func(dir string) error { return os.WriteFile(filepath.Join(dir, "file"), nil, 0o600) }
	broken := errors.New("the disk is full")
	if err := intoFolder(out, func(dir string) error { return errors.Join(fill(dir), broken) }); !errors.Is(err, broken) {
		t.Errorf("it says %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("%v is left behind, %v", list, err)
	}
	if err := intoFolder(filepath.Join(dir, "a", strings.Repeat("b", 300), "out"), fill); err == nil || !strings.HasPrefix(err.Error(), "--out: ") {
		t.Errorf("a folder whose name is too long: %v", err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("%v is left behind, %v", list, err)
	}
	if err := os.MkdirAll(out, 0o700); err != nil { // an empty one makes room
		t.Fatal(err)
	}
	if err := intoFolder(out, fill); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{out, filepath.Join(out, "file")} {
		if err := intoFolder(name, fill); err == nil || !strings.HasPrefix(err.Error(), "--out: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := os.ReadDir(filepath.Dir(out)); err != nil || len(list) != 1 {
		t.Errorf("%v is beside it, %v", list, err)
	}
}

func TestCheckFormats(t *testing.T) {
	t.Parallel()
	for names, want := range map[string]string{"ts,flv": "", "": `"" is not a format`, "mp4": `"mp4" is not a format`, "ts,flv,ts": "ts is there twice"} {
		err := CheckFormats(strings.Split(names, ","))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", names, err, want)
		}
	}
}
