package rules

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// checkGlobals finds package-level variables that could hold state. Allowed are: errors to compare with, embedded
// files, compiled regular expressions, assertions (var _ I = …), what the linker sets, and tables written as literals that
// nothing in their package assigns to or takes the address of. Test files are left alone.
func checkGlobals(files []source) []string {
	changed := map[string]string{}
	for _, s := range files {
		for name, where := range changes(s) {
			changed[name] = where
		}
	}
	var problems []string
	for _, s := range files {
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok || mentions(g.Doc, "//go:embed ") || mentions(v.Doc, "//go:embed ") {
					continue
				}
				for i, name := range v.Names {
					if name.Name == "_" {
						continue
					}
					var value ast.Expr
					if i < len(v.Values) {
						value = v.Values[i]
					}
					where, isChanged := changed[name.Name]
					switch {
					case isChanged:
						problems = append(problems, fmt.Sprintf("%s: variable %s of the package is changed at %s: keep state in a type",
							s.at(name), name.Name, where))
					case mentions(g.Doc, "-X main."+name.Name+"="): // the linker sets it, and a constant would not do
					case !harmless(value):
						problems = append(problems, fmt.Sprintf("%s: variable %s of the package: only errors, embedded files, "+
							"regular expressions and literal tables may stand there", s.at(name), name.Name))
					}
				}
			}
		}
	}
	return problems
}

// mentions reports whether a line of a declaration's comment has the text.
func mentions(doc *ast.CommentGroup, text string) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.Contains(c.Text, text) {
			return true
		}
	}
	return false
}

// harmless says whether a variable's value is one that is never going to change.
func harmless(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		sel, ok := v.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return false
		}
		switch x.Name + "." + sel.Sel.Name {
		case "errors.New", "fmt.Errorf", "regexp.MustCompile":
			return true
		}
	}
	return false
}

// changes lists the names that a file assigns to, or to an element or field of, or takes the address of, with the
// place. A local variable of the same name counts too: it would hide the package's, which is no better.
func changes(s source) map[string]string {
	found := map[string]string{}
	note := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.Ident:
				found[x.Name] = s.at(x)
				return
			default:
				return
			}
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.AssignStmt:
			if x.Tok == token.DEFINE {
				return true
			}
			for _, l := range x.Lhs {
				note(l)
			}
		case *ast.IncDecStmt:
			note(x.X)
		case *ast.UnaryExpr:
			if x.Op == token.AND {
				note(x.X)
			}
		}
		return true
	})
	return found
}

func TestGlobals(t *testing.T) {
	for _, files := range readTree(t) {
		report(t, checkGlobals(files))
	}
}

func TestGlobalsRule(t *testing.T) {
	cases := []struct {
		name, text, problem string
	}{
		{"error", `var ErrGone = errors.New("gone")`, ""},
		{"expression", `var re = regexp.MustCompile("a")`, ""},
		{"assertion", `var _ io.Reader = (*T)(nil)`, ""},
		{"embed", "//go:embed x\nvar files embed.FS", ""},
		{"embed in a group", "var (\n//go:embed x\nfiles embed.FS\n)", ""},
		{"linker", "// v is set by -X main.v=1.\nvar v = \"dev\"", ""},
		{"linker's, changed", "// v is set by -X main.v=1.\nvar v = \"dev\"; func f() { v = \"\" }", "variable v of the package is changed"},
		{"table", `var id = [4]byte{1, 2, 3, 4}; func f() byte { return id[0] }`, ""},
		{"table changed", `var seen = map[string]bool{}; func f() { seen["a"] = true }`, "seen of the package is changed at x.go:2"},
		{"table given away", `var opts = options{}; func f() *options { return &opts }`, "is changed"},
		{"state", `var count int`, "variable count of the package"},
		{"computed", `var started = clock()`, "variable started of the package"},
		{"registry", `var mu, n = sync.Mutex{}, 0`, "variable n of the package"},
		{"local", `func f() { var n int; n++ }`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, checkGlobals([]source{example(t, "x.go", "package x\n"+c.text)}), c.problem)
		})
	}
}
