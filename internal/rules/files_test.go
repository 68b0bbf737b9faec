package rules

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// trackedFiles lists the files that git keeps, or where this is no clone (an unpacked archive) every file that is
// not in a folder that git ignores. Paths are from the root.
func trackedFiles(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z").Output()
	if err == nil && len(out) > 0 {
		return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	}
	var files []string
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "data" || d.Name() == "bin"):
			return filepath.SkipDir
		case d.Type().IsRegular():
			rel, err := filepath.Rel(root, file)
			files = append(files, rel)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatalf("list files: %v", err)
	}
	return files
}

// checkLock finds download addresses, which npm writes into its lock file from whatever registry it was set up with:
// they would send everybody else there. The versions and checksums are enough.
func checkLock(name string, text []byte) []string {
	// In two parts, so that this file does not break the rule.
	address := []byte(`"resolved": ` + `"http`)
	if i := bytes.Index(text, address); i >= 0 {
		return []string{fmt.Sprintf("%s:%d: holds a download address: run npm with omit-lockfile-registry-resolved=true",
			name, 1+bytes.Count(text[:i], []byte("\n")))}
	}
	return nil
}

func TestNoDownloadAddresses(t *testing.T) {
	files := trackedFiles(t)
	if len(files) == 0 {
		t.Fatal("no files found")
	}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		report(t, checkLock(name, text))
	}
}

func TestNoDownloadAddressesRule(t *testing.T) {
	expect(t, checkLock("a.json", []byte("{\n\"resolved\": "+`"https://example.org/x.tgz"}`)), "a.json:2: holds a download address")
	expect(t, checkLock("a.json", []byte(`{"version": "1.7.4"}`)), "")
}
