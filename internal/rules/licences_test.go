package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkLicences wants every module that is part of the program, with its version, in the list of third parties' works.
func checkLicences(modules []string, list string) []string {
	var problems []string
	for _, m := range modules {
		if m != "" && !strings.Contains(list, m) {
			problems = append(problems, "THIRD_PARTY.md has no line with "+m+": read its licence in the module cache and add it")
		}
	}
	return problems
}

func TestLicences(t *testing.T) {
	// The lines that are wanted: "| path | version |".
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		"{{if .Module}}{{if not .Module.Main}}| {{.Module.Path}} | {{.Module.Version}} |{{end}}{{end}}", "./cmd/refstream")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list modules: %v", err)
	}
	list, err := os.ReadFile(filepath.Join(root, "THIRD_PARTY.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var modules []string
	for m := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		if !seen[m] {
			seen[m] = true
			modules = append(modules, m)
		}
	}
	if len(modules) < 5 {
		t.Fatalf("only %d modules found: %q", len(modules), modules)
	}
	report(t, checkLicences(modules, string(list)))
}

func TestLicencesRule(t *testing.T) {
	const list = "| example.org/a | v1.0.0 | MIT |\n"
	expect(t, checkLicences([]string{"| example.org/a | v1.0.0 |"}, list), "")
	expect(t, checkLicences([]string{"| example.org/a | v1.0.1 |"}, list), "no line with | example.org/a | v1.0.1 |")
}
