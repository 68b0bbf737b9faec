package rules

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// module is the path that go.mod gives the tree.
const module = "github.com/refstream/refstream"

// root is the top of the tree, seen from this package's folder, where go test runs its tests.
const root = "../.."

// source is one parsed Go file, whatever system its build constraints say it is for.
type source struct {
	fset *token.FileSet
	// name is the file's path from the root of the tree, with slashes.
	name string
	file *ast.File
}

// test says whether the file is part of a package's tests only.
func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// at names a place in the file for a message.
func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.fset.Position(n.Pos()).Line)
}

// imports lists the paths that the file imports.
func (s source) imports() []string {
	var paths []string
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// nameOf is the name by which the file knows an imported package, empty where it doesn't import it.
func (s source) nameOf(importPath string) string {
	for _, i := range s.file.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err != nil || p != importPath {
			continue
		}
		if i.Name != nil {
			return i.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// parse reads one file; text is its content.
func parse(name, text string) (source, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, fmt.Errorf("parse source: %w", err)
	}
	return source{fset, name, f}, nil
}

// tree is every Go file of the module by the package's path from the root: "format/ts".
type tree map[string][]source

// packages lists the packages in order.
func (t tree) packages() []string {
	var names []string
	for p := range t {
		names = append(names, p)
	}
	sort.Strings(names)
	return names
}

// skipped are folders that hold no package of the module: the go command ignores those that begin with a dot or an
// underscore and testdata, tools is a module of its own, and the rest is not ours or not kept.
func skipped(name string) bool {
	switch name {
	case "testdata", "tools", "node_modules", "bin", "data", "vendor":
		return true
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// readTree parses the whole module.
func readTree(t *testing.T) tree {
	t.Helper()
	all := tree{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if file != root && skipped(d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), string(text))
		if err != nil {
			return err
		}
		dir := path.Dir(s.name)
		all[dir] = append(all[dir], s)
		return nil
	})
	if err != nil {
		t.Fatalf("read the tree: %v", err)
	}
	if len(all["media"]) == 0 {
		t.Fatalf("no package media under %s: this is not the tree", root)
	}
	return all
}

// example parses text as the files of one package, for trying a rule; name decides whether it counts as a test.
func example(t *testing.T, name, text string) source {
	t.Helper()
	s, err := parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// report fails the test with one line for each broken rule.
func report(t *testing.T, problems []string) {
	t.Helper()
	sort.Strings(problems)
	for _, p := range problems {
		t.Error(p)
	}
}
