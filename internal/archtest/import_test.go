package archtest

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rule says what the packages below from may import of this module. The first rule
// that fits a package counts.
type rule struct {
	from  string
	only  []string // when set, nothing but these (and from itself)
	never []string
	tool  bool // a program for contributors, which may use what is for tests
}

// Dependencies point inwards: cmd → app → server → graph → domain packages → ent.
var rules = []rule{
	{from: "cmd"},
	{from: "graph", never: []string{"cmd", "internal/app", "internal/server", "internal/client"}},
	{from: "ent/migrate/diff", tool: true}, // writes migrations, on a private PostgreSQL
	{from: "bench", tool: true},            // measures with private servers
	{from: "ent/enum", only: []string{}},
	{from: "ent", only: []string{"internal/access", "internal/relay", "internal/problem"}},
	{from: "internal/archtest", only: []string{}},
	{from: "internal/app", never: []string{"cmd", "internal/client"}},
	{from: "internal/client", only: []string{}},
	{from: "internal/terminal", only: []string{"internal/client"}},                                                          // how the terminal client looks
	{from: "internal/config", only: []string{"internal/ratelimit", "internal/llm", "internal/template", "internal/policy"}}, // whose words it checks
	{from: "internal/problem", only: []string{}},
	{from: "internal/access", only: []string{"ent", "internal/problem", "internal/relay"}},
	{from: "internal/relay", only: []string{"ent", "internal/problem"}},
	{from: "internal/llm", only: []string{"internal/problem"}},
	{from: "internal/server", never: []string{"cmd", "internal/app", "internal/client"}},
	// Every other internal package is a domain package.
	{from: "internal", never: []string{"cmd", "graph", "internal/app", "internal/server", "internal/client", "internal/config"}},
	{from: "."},
}

func below(pkg, dir string) bool {
	return dir == "." || pkg == dir || strings.HasPrefix(pkg, dir+"/")
}

func belowAny(pkg string, dirs []string) bool {
	for _, dir := range dirs {
		if below(pkg, dir) {
			return true
		}
	}
	return false
}

// breaks says why a package may not import another, or "".
func breaks(pkg, imported string) string {
	for _, r := range rules {
		if !below(pkg, r.from) {
			continue
		}
		switch {
		case below(imported, r.from) && r.from != "internal":
			return ""
		case r.only != nil && !belowAny(imported, r.only):
			return "it may import only " + strings.Join(append([]string{"packages of its own"}, r.only...), ", ")
		case belowAny(imported, r.never):
			return "dependencies point inwards"
		}
		return ""
	}
	return ""
}

// forTests reports whether a package exists for tests: its name ends in "test".
func forTests(pkg string) bool { return strings.HasSuffix(path.Base(pkg), "test") }

func tool(pkg string) bool {
	for _, r := range rules {
		if r.tool && below(pkg, r.from) {
			return true
		}
	}
	return false
}

func TestDependenciesPointInwards(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, imported := range s.imports() {
			if why := breaks(s.pkg(), imported); why != "" && !forTests(s.pkg()) {
				t.Errorf("%s imports %s: %s", s.path, imported, why)
			}
			if forTests(imported) && !forTests(s.pkg()) && !tool(s.pkg()) {
				t.Errorf("%s imports %s, which is for tests", s.path, imported)
			}
		}
	}
}

func TestTheImportRuleItself(t *testing.T) {
	for _, c := range []struct {
		pkg, imported string
		allowed       bool
	}{
		{"cmd/zeblit", "internal/app", true},
		{"internal/app", "internal/server", true},
		{"internal/server", "graph", true},
		{"internal/server/wsproto", "internal/server/gqlreq", true},
		{"graph", "internal/run", true},
		{"internal/run", "internal/stream", true},
		{"internal/run", "ent", true},
		{"ent/schema", "internal/access", true},
		{"ent", "ent/enum", true},
		{"internal/llm/demo", "internal/llm", true},
		{"internal/run", "graph", false},
		{"internal/run", "internal/server/wsproto", false},
		{"internal/run", "internal/config", false},
		{"graph", "internal/server", false},
		{"ent/schema", "internal/run", false},
		{"ent/enum", "internal/problem", false},
		{"internal/client", "ent", false},
		{"internal/llm/demo", "internal/stream", false},
		{"internal/server", "internal/app", false},
	} {
		require.Equal(t, c.allowed, breaks(c.pkg, c.imported) == "", "%s → %s", c.pkg, c.imported)
	}
}
