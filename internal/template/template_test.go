package template_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/template"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryTemplateIsWhole(t *testing.T) {
	t.Parallel()
	require.Len(t, template.All(), 6)
	for _, one := range template.All() {
		found, err := template.Find(one.Slug)
		require.NoError(t, err)
		require.Equal(t, one, found)
		require.NotEmpty(t, one.Image)
		files, err := one.Files("My project")
		require.NoError(t, err)
		texts := map[string]string{}
		for _, f := range files {
			require.NoError(t, workspace.CheckPath(f.Path))
			require.NotContains(t, f.Path, ".tmpl")
			require.NotContains(t, f.Text, "{{name}}")
			texts[f.Path] = f.Text
		}
		require.True(t, strings.HasPrefix(texts["README.md"], "# My project\n"), one.Slug)
		require.NotEmpty(t, texts[".gitignore"], one.Slug)
		if one.Slug == "empty" {
			continue
		}
		require.NotEmpty(t, one.Test)
		require.NotEmpty(t, one.Start)
		tests := 0
		for path := range texts {
			if strings.Contains(path, "test") {
				tests++
			}
		}
		require.Positive(t, tests, "%s has tests", one.Slug)
	}
	_, err := template.Find("rails")
	require.Equal(t, problem.BadInput, problem.As(err).Code)
	require.Equal(t, "template", problem.As(err).Field)
	require.Contains(t, err.Error(), "empty, static, react, express, fastapi, go")
}

// TestTheGoServiceWorks runs what the template says of itself, as the program is there.
func TestTheGoServiceWorks(t *testing.T) {
	t.Parallel()
	one, err := template.Find("go")
	require.NoError(t, err)
	files, err := one.Files("P")
	require.NoError(t, err)
	dir := t.TempDir()
	for _, f := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.Path), []byte(f.Text), 0o600))
	}
	run := exec.CommandContext(t.Context(), "sh", "-c", one.Test)
	run.Dir = dir
	run.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := run.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "ok  \texample.com/service")
}
