package workspace_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/workspace"
)

var goodPaths = []string{
	"a", "README.md", "src/main.go", "a b/c", ".gitignore", ".github/x", "git", "...", "..a", "日本/語", "a:b",
	strings.Repeat("s", 255), strings.Repeat("abc/", 127) + "abcd",
}

var badPaths = []string{
	"", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", `a\b`, "a\x00b", "a\nb", "a\u0085b", "a\xffb",
	".git", ".git/config", "a/.GIT/hooks", ".git.", ".git ", ".git. .", ".git:x", "git~1", "GIT~1/x", ".g\u200cit", "\ufeff.git",
	strings.Repeat("s", 256), strings.Repeat("abc/", 128) + "a",
}

func TestPathRules(t *testing.T) {
	t.Parallel()
	for _, p := range goodPaths {
		require.NoError(t, workspace.CheckPath(p), "%q", p)
	}
	for _, p := range badPaths {
		requireProblem(t, workspace.CheckPath(p), problem.BadInput, "path")
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, p := range append(goodPaths, badPaths...) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if workspace.CheckPath(p) != nil {
			return
		}
		require.True(t, fs.ValidPath(p) && p != ".", "%q", p)
		require.True(t, filepath.IsLocal(p), "%q", p)
		require.LessOrEqual(t, len(p), 1000)
		require.False(t, strings.ContainsAny(p, "\\\x00\r\n\t\x7f"), "%q", p)
		for _, segment := range strings.Split(p, "/") {
			require.LessOrEqual(t, len(segment), 255)
			require.False(t, strings.EqualFold(strings.TrimRight(segment, ". "), ".git"), "%q", p)
		}
	})
}
