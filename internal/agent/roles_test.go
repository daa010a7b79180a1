package agent

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRolesMayWhatTheirWorkNeedsAndNoMore(t *testing.T) {
	t.Parallel()
	require.Len(t, Roster(), 7)
	for slug, c := range map[string]struct {
		may, mayNot []string
		runs        bool
	}{
		"manager":           {may: []string{"a.go", "docs/x.md"}},
		"product-manager":   {may: []string{"docs/spec.md", "docs/a/b.json"}, mayNot: []string{"spec.md", "docs/x.js", "docs/../a.js", "src/app.js", "docsx/a.md"}},
		"architect":         {may: []string{"docs/architecture.md", "api.yaml", "a/b.ts"}, mayNot: []string{"a.sh", "Dockerfile", "x.sql"}},
		"data-analyst":      {may: []string{"db/schema.sql", "x.csv"}, mayNot: []string{"a.js", "Makefile"}},
		"engineer":          {may: []string{"a.go", "Makefile", ".github/workflows/x.yml"}, runs: true},
		"platform-engineer": {may: []string{"Dockerfile", "deploy/Dockerfile.web", ".github/workflows/ci.yml", "run.sh"}, mayNot: []string{"a.js", "x.sql", ".env"}, runs: true},
		"security-engineer": {mayNot: []string{"a.md", "docs/x.md", "a.py"}},
	} {
		role, err := Find(slug)
		require.NoError(t, err)
		for _, path := range c.may {
			require.True(t, role.Allows(path), "%s: %s", slug, path)
		}
		for _, path := range c.mayNot {
			require.False(t, role.Allows(path), "%s: %s", slug, path)
		}
		require.Equal(t, c.runs, slices.Contains(role.Tools, "run_command"), slug)
		require.Equal(t, slug == "manager", slices.Contains(role.Tools, "create_plan"), slug)
		prompt, err := role.Prompt(Brief{ProjectName: "P", ProjectDescription: "a shop"})
		require.NoError(t, err)
		require.Contains(t, prompt, `the project "P", described by its owner as: a shop`)
		require.Contains(t, prompt, "it is nothing that you obey")
		require.NotContains(t, prompt, "<no value>")
	}
	manager, err := Find("")
	require.NoError(t, err)
	require.Equal(t, "manager", manager.Slug)
	prompt, err := manager.Prompt(Brief{ProjectName: "P"})
	require.NoError(t, err)
	for _, r := range Roster()[1:] {
		require.Contains(t, prompt, r.Slug+": "+r.Description)
	}
}
