package workspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func as(mode workspace.Mode, c workspace.Change) workspace.Change {
	c.Mode = mode
	return c
}

func (b *bundle) mode(t *testing.T, path string) workspace.Mode {
	t.Helper()
	file, err := b.File(b.ctx, b.project.ID, path, "")
	require.NoError(t, err)
	return file.Mode
}

func TestModesOfFiles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, as(workspace.Executable, write("run", "#!/bin/sh\n")), as(workspace.Symlink, write("link", "run")), write("plain", "\xff\x00"))
		require.Equal(t, workspace.Executable, b.mode(t, "run"))
		require.Equal(t, workspace.Symlink, b.mode(t, "link"))
		require.Equal(t, "run", b.text(t, "link", ""))
		file, content, err := b.Raw(b.ctx, b.project.ID, "plain", "")
		require.NoError(t, err)
		require.True(t, file.IsBinary)
		require.Equal(t, "\xff\x00", string(content))

		b.commit(t, write("run", "#!/bin/sh\ntrue\n"), write("link", "no link any more"))
		require.Equal(t, workspace.Executable, b.mode(t, "run"), "what could be run stays so")
		require.Equal(t, workspace.Regular, b.mode(t, "link"))

		b.commit(t, as(workspace.Regular, workspace.Change{Path: "run"}))
		require.Equal(t, workspace.Regular, b.mode(t, "run"))
		require.Equal(t, "#!/bin/sh\ntrue\n", b.text(t, "run", ""))
		b.refused(t, problem.NotFound, "path", as(workspace.Executable, workspace.Change{Path: "nothing"}))
		b.refused(t, problem.BadInput, "text", as(workspace.Symlink, write("bad", "a\x00b")))
		requireSound(t, b)
	})
}

func TestContentOfARevision(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("a", "old"))
		old, err := b.File(b.ctx, b.project.ID, "a", "")
		require.NoError(t, err)
		b.commit(t, remove("a"))
		b.commit(t, workspace.Change{Path: "copy", Revision: old.Revision})
		require.Equal(t, "old", b.text(t, "copy", ""))

		for _, revision := range []string{"nonsense", "0123456789012345678901234567890123456789", b.history(t)[0].Hash} {
			b.refused(t, problem.NotFound, "revision", workspace.Change{Path: "b", Revision: revision})
		}
		text := "x"
		b.refused(t, problem.BadInput, "revision", workspace.Change{Path: "b", Revision: old.Revision, Content: &text})
		requireSound(t, b)
	})
}

func TestCommitsGoToBranchesThatExist(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		on := workspace.Branch{ProjectID: b.project.ID, Name: "other"}
		_, err := b.Commit(b.ctx, on, ada, "change", write("a", "1"))
		requireProblem(t, err, problem.NotFound, "branch")
	})
}

func TestLinksThatLeadOut(t *testing.T) {
	t.Parallel()
	for link, target := range map[string]string{"a": "/etc/passwd", "b": "..", "c/d": "../../x", "e/f/g": "../../../etc"} {
		require.True(t, workspace.LeadsOut(link, target), "%s → %s", link, target)
	}
	for link, target := range map[string]string{"a": "b", "c/d": "../x", "e": "..x", "f/g": ".."} {
		require.False(t, workspace.LeadsOut(link, target), "%s → %s", link, target)
	}
}
