package archtest

import (
	"flag"
	"go/ast"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/as_call_sites.txt anew")

const callSites = "testdata/as_call_sites.txt"

const callSitesHead = `# Where the code works as an actor instead of a person: file, function, actor.
# Each line is a place that skips the viewer's rights, so a new one is reviewed as such.
# Write it anew with: go test ./internal/archtest -run TestActors -update
`

// TestActorsAreCalledWhereListed keeps access.As, the one way around a viewer's rights,
// in sight.
func TestActorsAreCalledWhereListed(t *testing.T) {
	var found []string
	for _, s := range sources(t) {
		if s.test() || s.generated || forTests(s.pkg()) {
			continue
		}
		found = append(found, asCalls(s)...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if *update {
		text := callSitesHead + strings.Join(append(found, ""), "\n")
		require.NoError(t, os.WriteFile(callSites, []byte(text), 0o644))
	}
	raw, err := os.ReadFile(callSites)
	require.NoError(t, err)
	var listed []string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			listed = append(listed, line)
		}
	}
	require.Equal(t, listed, found, "access.As is called elsewhere than %s lists", callSites)
}

// asCalls lists a file's uses of access.As, also those that are not called at once.
func asCalls(s source) []string {
	access := ""
	for _, spec := range s.syntax.Imports {
		if strings.Trim(spec.Path.Value, `"`) == module+"/internal/access" {
			access = "access"
			if spec.Name != nil {
				access = spec.Name.Name
			}
		}
	}
	if access == "" {
		return nil
	}
	var out []string
	for _, decl := range s.syntax.Decls {
		where := "(package)"
		if f, ok := decl.(*ast.FuncDecl); ok {
			where = functionName(f)
		}
		actors := map[*ast.SelectorExpr]string{}
		ast.Inspect(decl, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 2 {
					actors[sel] = expression(n.Args[1])
				}
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == access && n.Sel.Name == "As" {
					actor := actors[n]
					if actor == "" {
						actor = "(as a value)"
					}
					out = append(out, strings.Join([]string{path.Clean(s.path), where, actor}, " "))
				}
			}
			return true
		})
	}
	return out
}

func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	return strings.TrimPrefix(expression(f.Recv.List[0].Type), "*") + "." + f.Name.Name
}

func expression(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return expression(e.X) + "." + e.Sel.Name
	case *ast.StarExpr:
		return "*" + expression(e.X)
	}
	return "(an expression)"
}
