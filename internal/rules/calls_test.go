package rules

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// readsClock are the functions of package time that read the clock.
var readsClock = words("Now Since Until")

// mayReadClock are the packages that hand the clock to the others. Test code may read it too.
func mayReadClock(s source) bool {
	return s.test() || slices.ContainsFunc(words("cmd/ server/ pipeline/ markers/storetest/"), func(p string) bool {
		return strings.HasPrefix(s.name, p)
	})
}

// checkCalls finds the functions that may not be used in a file: those that read the clock, and in tests those that
// sleep or skip. A test that sleeps is slow or flaky or both; one that skips is not there on the day it is needed.
func checkCalls(s source) []string {
	var problems []string
	timeName := s.nameOf("time")
	testingName := s.nameOf("testing")
	ast.Inspect(s.file, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			problems = append(problems, s.at(f)+": func init: call it from the code that needs it")
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		name := sel.Sel.Name
		switch {
		case timeName != "" && x.Name == timeName && slices.Contains(readsClock, name) && !mayReadClock(s):
			problems = append(problems, fmt.Sprintf(
				"%s: time.%s: only cmd, server, pipeline and tests read the clock; take it as an argument", s.at(sel), name))
		case timeName != "" && x.Name == timeName && name == "Sleep" && s.test():
			problems = append(problems, s.at(sel)+": time.Sleep in a test: wait for what is meant to happen")
		case testingName != "" && slices.Contains(words("Skip Skipf SkipNow"), name) &&
			slices.Contains(words("t b f tb"), x.Name):
			problems = append(problems, fmt.Sprintf(
				"%s: %s.%s: a test is not skipped: what it needs is installed by make test", s.at(sel), x.Name, name))
		}
		return true
	})
	return problems
}

// checkDoc wants one comment on the package clause that opens as the convention has it.
func checkDoc(pkg string, files []source) []string {
	for _, s := range files {
		if s.test() || s.file.Doc == nil {
			continue
		}
		text := s.file.Doc.Text()
		if s.file.Name.Name == "main" && text != "" || strings.HasPrefix(text, "Package "+s.file.Name.Name+" ") {
			return nil
		}
	}
	return []string{fmt.Sprintf("package %s has no comment that begins with \"Package <name> \" (a command: any)", pkg)}
}

func TestCalls(t *testing.T) {
	for _, files := range readTree(t) {
		for _, s := range files {
			report(t, checkCalls(s))
		}
	}
}

func TestPackageComments(t *testing.T) {
	all := readTree(t)
	for _, pkg := range all.packages() {
		report(t, checkDoc(pkg, all[pkg]))
	}
}

func TestCallsRule(t *testing.T) {
	cases := []struct {
		name, file, text, problem string
	}{
		{"now", "api/a.go", `import "time"; var t = time.Now()`, "api/a.go:2: time.Now"},
		{"now as a value", "api/a.go", `import "time"; var now = time.Now`, "time.Now"},
		{"now renamed", "api/a.go", `import clock "time"; var t = clock.Since(x)`, "time.Since"},
		{"another now", "api/a.go", `import "x/time"; func f() { o.Now() }`, ""},
		{"now in pipeline", "pipeline/a.go", `import "time"; var t = time.Now()`, ""},
		{"now in a command", "cmd/x/a.go", `import "time"; var t = time.Now()`, ""},
		{"now in a test", "api/a_test.go", `import "time"; var t = time.Now()`, ""},
		{"sleep in a test", "api/a_test.go", `import "time"; func f() { time.Sleep(1) }`, "time.Sleep in a test"},
		{"sleep in a pacer", "pipeline/a.go", `import "time"; func f() { time.Sleep(1) }`, ""},
		{"skip", "api/a_test.go", `import "testing"; func TestX(t *testing.T) { t.Skip("no redis") }`, "t.Skip"},
		{"skip in helper", "api/h.go", `import "testing"; func Start(tb testing.TB) { tb.SkipNow() }`, "tb.SkipNow"},
		{"skip of something else", "api/a.go", `func f(t reader) { t.Skip(3) }`, ""},
		{"short chooses sizes", "api/a_test.go", `import "testing"; func f() { testing.Short() }`, ""},
		{"init", "api/a.go", `func init() {}`, "api/a.go:2: func init"},
		{"method init", "api/a.go", `func (s *S) init() {}`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkCalls(example(t, c.file, "package x\n"+c.text)), c.problem)
		})
	}
}

func TestPackageCommentsRule(t *testing.T) {
	cases := []struct {
		name, file, text, problem string
	}{
		{"none", "x/a.go", "package x", "package x has no comment"},
		{"other opening", "x/a.go", "// This is x.\npackage x", "package x has no comment"},
		{"in tests only", "x/a_test.go", "// Package x is.\npackage x", "package x has no comment"},
		{"good", "x/a.go", "// Package x is.\npackage x", ""},
		{"command", "x/a.go", "// X runs.\npackage main", ""},
		{"command without", "x/a.go", "package main", "package x has no comment"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkDoc("x", []source{example(t, c.file, c.text)}), c.problem)
		})
	}
}
