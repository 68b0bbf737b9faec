package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Every command has a man page with all of its flags, and nothing in a text is taken for a request of roff.
func TestMan(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "man1")
	must(t, "man", dir)
	root := newRoot(nil, nil)
	for _, c := range root.Commands() {
		if c.Hidden || c.Name() == "help" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, "refstream-"+c.Name()+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(string(text), `\-\-`+strings.ReplaceAll(f.Name, "-", `\-`)+`\fR`) {
				t.Errorf("%s: --%s is not in the page", c.Name(), f.Name)
			}
		})
		for line := range strings.Lines(string(text)) {
			request, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !slices.Contains([]string{".TH", ".SH", ".TP", ".nf", ".fi"}, request) {
				t.Errorf("%s: %s", c.Name(), line)
			}
		}
	}
	if got := roff(".x\n'y -z\\"); got != "\\&.x\n\\&'y \\-z\\e" {
		t.Errorf("text is escaped as %q", got)
	}
	if _, errs, code := refstream(t, "man", filepath.Join(dir, "refstream.1", "below")); code != 1 || !strings.Contains(errs, "name a folder") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}
