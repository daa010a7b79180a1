package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const module = "github.com/zeblit/zeblit"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// root is the module's directory as seen from this package's.
const root = "../.."

// source is one Go file of the module.
type source struct {
	path      string // from the module's root, with slashes
	syntax    *ast.File
	lines     int
	generated bool
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// pkg is the package's directory from the module's root.
func (s source) pkg() string { return path.Dir(s.path) }

// imports are the directories of the module's own packages that the file imports.
func (s source) imports() []string {
	var out []string
	for _, spec := range s.syntax.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if rest, ok := strings.CutPrefix(name, module+"/"); err == nil && ok {
			out = append(out, rest)
		}
	}
	return out
}

var readSources = sync.OnceValues(func() ([]source, error) {
	var all []source
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch name := d.Name(); {
			case name == "node_modules", name == "testdata", name == "vendor", strings.HasPrefix(name, "_"), strings.HasPrefix(name, ".") && file != root:
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
		syntax, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		all = append(all, source{
			path:      filepath.ToSlash(rel),
			syntax:    syntax,
			lines:     strings.Count(string(text), "\n"),
			generated: ast.IsGenerated(syntax),
		})
		return nil
	})
	return all, err
})

func sources(t *testing.T) []source {
	t.Helper()
	all, err := readSources()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}
