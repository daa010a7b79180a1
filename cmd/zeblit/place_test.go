package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNothingIsWrittenOutsideTheFolder(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", ".", "..", "../x", "/etc/passwd", "a/../../x", "a//b", "./a", "a/", `a\b`, "a\x00b",
		".git/hooks/post-checkout", "a/.GIT/config", ".git /x", "git~1/x", ".git::$INDEX_ALLOCATION/x",
	} {
		require.Error(t, checkPath(bad), "%q", bad)
	}
	for _, good := range []string{"a", ".gitignore", "a/b.git/c", "..a/b", "a b/ü"} {
		require.NoError(t, checkPath(good), "%q", good)
	}

	outside, inside := t.TempDir(), t.TempDir()
	root, err := os.OpenRoot(inside)
	require.NoError(t, err)
	defer func() { _ = root.Close() }()
	secret := filepath.Join(outside, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("mine"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(inside, "folder")))
	require.NoError(t, os.Symlink(secret, filepath.Join(inside, "file")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "new"), filepath.Join(inside, "dangling")))
	for _, force := range []bool{false, true} {
		_, err := place(root, "folder/new", "x", force)
		require.Error(t, err)
		_, err = place(root, "../new", "x", force)
		require.Error(t, err)
	}
	for _, link := range []string{"file", "dangling"} {
		_, err = place(root, link, "x", false)
		require.ErrorContains(t, err, "there already")
		written, err := place(root, link, "x", true)
		require.NoError(t, err)
		require.True(t, written)
		info, err := os.Lstat(filepath.Join(inside, link))
		require.NoError(t, err)
		require.True(t, info.Mode().IsRegular(), "the link was replaced, not followed")
	}
	raw, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "mine", string(raw))
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Len(t, entries, 1)

	_, err = place(root, "a/b", "x", false)
	require.NoError(t, err)
	_, err = place(root, "a", "x", true)
	require.ErrorContains(t, err, "a folder of that name")
	_, err = place(root, "a/b/c", "x", true)
	require.Error(t, err)
	left, err := filepath.Glob(filepath.Join(inside, "*", ".zeblit-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
