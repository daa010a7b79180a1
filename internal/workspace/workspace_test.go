package workspace_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestEmptyProject(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		require.Empty(t, b.paths(t, "", ""))
		require.Empty(t, b.paths(t, "src", "main"))
		require.Empty(t, b.history(t))
		_, err := b.File(b.ctx, b.project.ID, "a", "")
		requireProblem(t, err, problem.NotFound, "path")
		require.Empty(t, b.commit(t))
		require.Empty(t, b.events(t))
	})
}

func TestWriteAndRead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		first := b.commit(t, write("src/lib/a.go", "package lib\n"), write("README.md", ""), write("src/lib.go", "x"))
		second := b.commit(t, write("src/lib/a.go", "package lib // 2\n"), write("nul", "a\x00b"))

		require.Equal(t, "package lib // 2\n", b.text(t, "src/lib/a.go", ""))
		require.Equal(t, "package lib\n", b.text(t, "src/lib/a.go", first))
		require.Equal(t, "package lib // 2\n", b.text(t, "src/lib/a.go", strings.ToUpper(second)))
		require.Empty(t, b.text(t, "README.md", "main"))

		// "src/lib.go" is before "src/lib/…": the order is that of the paths' bytes.
		require.Equal(t, []string{"README.md", "nul", "src/lib.go", "src/lib/a.go"}, b.paths(t, "", ""))
		require.Equal(t, []string{"README.md", "src/lib.go", "src/lib/a.go"}, b.paths(t, "", first))
		require.Equal(t, []string{"src/lib/a.go"}, b.paths(t, "src/lib/", ""))
		require.Empty(t, b.paths(t, "README.md", ""))

		file, err := b.File(b.ctx, b.project.ID, "nul", "")
		require.NoError(t, err)
		require.Equal(t, workspace.File{Path: "nul", Size: 3, IsBinary: true, Mode: workspace.Regular, Revision: file.Revision}, *file)

		_, err = b.File(b.ctx, b.project.ID, "src/lib", "")
		requireProblem(t, err, problem.NotFound, "path")
		_, err = b.File(b.ctx, b.project.ID, "README.md/x", "")
		requireProblem(t, err, problem.NotFound, "path")
		for _, ref := range []string{"other", "a\x00b", "\xff", strings.Repeat("0", 40), file.Revision} {
			_, err = b.File(b.ctx, b.project.ID, "nul", ref)
			requireProblem(t, err, problem.NotFound, "ref")
		}

		events := b.events(t)
		require.Len(t, events, 5)
		require.Equal(t, "src/lib/a.go", events[0].Path)
		require.Equal(t, enum.FileCreated, events[0].Change)
		require.Equal(t, "usr_ada", events[0].UserID)
		require.Equal(t, enum.FileModified, events[3].Change)
	})
}

func TestPagesOfFilesAndCommits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		var want, hashes []string
		for i := range 12 {
			path := fmt.Sprintf("d%d/e.%d/f%d", i%3, i%2, i)
			want = append(want, path)
			hashes = append(hashes, b.commit(t, write(path, fmt.Sprint(i))))
		}
		slices.Sort(want)
		slices.Reverse(hashes)

		var got []string
		for after, more := "", true; more; {
			var files []workspace.File
			var err error
			files, more, err = b.Files(b.ctx, b.project.ID, "", "", after, 5)
			require.NoError(t, err)
			require.Equal(t, len(got) < 10, more)
			for _, f := range files {
				got = append(got, f.Path)
				after = f.Path
			}
		}
		require.Equal(t, want, got)

		got = nil
		for after, more := "", true; more; {
			var commits []workspace.Commit
			var err error
			commits, more, err = b.Commits(b.ctx, b.project.ID, "", after, 4)
			require.NoError(t, err)
			for _, c := range commits {
				got = append(got, c.Hash)
				after = c.Hash
			}
		}
		require.Equal(t, hashes, got)

		_, _, err := b.Commits(b.ctx, b.project.ID, "", "nonsense", 4)
		requireProblem(t, err, problem.BadInput, "after")
	})
}

func TestCommitSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		_, err := b.Commit(b.ctx, workspace.Main(b.project.ID), workspace.Author{Name: "A <x>\nB", Email: "a@b"}, "  why\n\nmore ", write("a", "1"))
		require.NoError(t, err)
		b.commit(t, write("a", "2"))
		commits := b.history(t)
		require.Len(t, commits, 2)
		require.Equal(t, "why\n\nmore", commits[1].Message)
		require.Equal(t, "A xB", commits[1].AuthorName)
		require.Equal(t, "a@b", commits[1].AuthorEmail)
		require.Empty(t, commits[1].Parents)
		require.Equal(t, []string{commits[1].Hash}, commits[0].Parents)
	})
}

func TestSameContentMakesNoCommit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		first := b.commit(t, write("a", "1"))
		require.Equal(t, first, b.commit(t, write("a", "1")))
		require.Len(t, b.history(t), 1)
		require.Len(t, b.events(t), 1)
	})
}

func TestDeleteRemovesEmptyFolders(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("a/b/c", "1"), write("a/d", "2"))
		b.commit(t, remove("a/b/c"))
		require.Equal(t, []string{"a/d"}, b.paths(t, "", ""))
		b.refused(t, problem.NotFound, "path", remove("a/b/c"))
		b.refused(t, problem.NotFound, "path", remove("a"))

		b.commit(t, remove("a/d"), write("a", "now a file"))
		require.Equal(t, []string{"a"}, b.paths(t, "", ""))
		b.commit(t, remove("a"), write("a/x", "a folder again"))
		b.commit(t, remove("a/x"))
		require.Empty(t, b.paths(t, "", ""))

		events := b.events(t)
		require.Equal(t, enum.FileDeleted, events[2].Change)
		require.Empty(t, events[2].Revision)
		requireSound(t, b)
	})
}

func TestFileAndFolderCollide(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("a/b", "1"), write("f", "2"))
		b.refused(t, problem.Conflict, "path", write("a", "x"))
		b.refused(t, problem.Conflict, "path", write("f/g", "x"))
		b.refused(t, problem.Conflict, "path", write("n", "x"), write("n/m", "x"))
		b.refused(t, problem.BadInput, "path", write("n", "x"), remove("n"))
		require.Equal(t, []string{"a/b", "f"}, b.paths(t, "", ""))
	})
}

func TestBaseGuardsAgainstLostUpdates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, from("", write("a", "1")))
		one, err := b.File(b.ctx, b.project.ID, "a", "")
		require.NoError(t, err)
		b.refused(t, problem.Conflict, "path", from("", write("a", "2")))
		b.commit(t, from(one.Revision, write("a", "2")))
		b.refused(t, problem.Conflict, "path", from(one.Revision, write("a", "3")))
		b.refused(t, problem.Conflict, "path", from(one.Revision, remove("a")))
		b.refused(t, problem.Conflict, "path", from(one.Revision, write("b", "3")), write("c", "4"))
		require.Equal(t, []string{"a"}, b.paths(t, "", ""))
		b.commit(t, write("a", "4"))
		require.Equal(t, "4", b.text(t, "a", ""))
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		big := strings.Repeat("x", workspace.MaxText)
		requireProblem(t, workspace.CheckText(big+"x"), problem.BadInput, "text")
		requireProblem(t, workspace.CheckText("\xff"), problem.BadInput, "text")
		b.refused(t, problem.BadInput, "text", write("a", strings.Repeat("x", workspace.MaxFile+1)))
		b.refused(t, problem.BadInput, "path", write("../a", "x"))
		_, err := b.Commit(b.ctx, workspace.Main(b.project.ID), ada, " ", write("a", "x"))
		requireProblem(t, err, problem.BadInput, "message")

		var full []workspace.Change
		for i := range workspace.MaxProject / workspace.MaxText {
			full = append(full, write(fmt.Sprintf("big/%d", i), big))
		}
		b.refused(t, problem.PreconditionFailed, "", append(full, write("more", "x"))...)
		b.commit(t, full...)
		b.refused(t, problem.PreconditionFailed, "", write("more", "x"))
		b.commit(t, write("big/0", "small"))
		b.commit(t, write("more", "x"))
		ref, err := db.Ent.GitRef.Query().Only(b.ctx)
		require.NoError(t, err)
		require.EqualValues(t, workspace.MaxProject-workspace.MaxText+6, ref.Size)
	})
}

func TestOthersSeeNoProject(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		hash := b.commit(t, write("a", "secret"))
		eve := storetest.User(t, db, "eve@example.com")
		ctx := access.WithViewer(t.Context(), eve)
		own := storetest.Project(t, db, eve, "Own")

		_, _, err := b.Files(ctx, b.project.ID, "", "", "", 10)
		requireProblem(t, err, problem.NotFound, "projectId")
		_, err = b.File(ctx, b.project.ID, "a", "")
		requireProblem(t, err, problem.NotFound, "projectId")
		_, _, err = b.Commits(ctx, b.project.ID, "", "", 10)
		requireProblem(t, err, problem.NotFound, "projectId")
		_, err = b.Commit(ctx, workspace.Main(b.project.ID), ada, "m", write("a", "x"))
		requireProblem(t, err, problem.NotFound, "projectId")
		// Knowing a hash of another project gives nothing either.
		_, err = b.File(ctx, own.ID, "a", hash)
		requireProblem(t, err, problem.NotFound, "ref")

		_, err = db.Ent.Membership.Create().SetProjectID(b.project.ID).SetUserID(eve.UserID).
			SetRole(enum.ProjectViewer).Save(storetest.Unchecked(ctx))
		require.NoError(t, err)
		_, err = b.File(ctx, b.project.ID, "a", "")
		require.NoError(t, err)
		_, err = b.Commit(ctx, workspace.Main(b.project.ID), ada, "m", write("a", "x"))
		requireProblem(t, err, problem.Forbidden, "")
		_, err = b.File(t.Context(), b.project.ID, "a", "")
		requireProblem(t, err, problem.NotFound, "projectId")
	})
}

func TestCommitInACallersTransaction(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		errStop := errors.New("stop")
		commitTwo := func(fail error) error {
			return db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
				for _, text := range []string{"1", "2"} {
					if _, err := b.CommitTx(ctx, tx, workspace.Main(b.project.ID), ada, "m", write("a", text)); err != nil {
						return err
					}
				}
				return fail
			})
		}
		require.ErrorIs(t, commitTwo(errStop), errStop)
		require.Empty(t, b.history(t))
		require.Empty(t, b.events(t))
		require.NoError(t, commitTwo(nil))
		require.Len(t, b.history(t), 2)
		require.Len(t, b.events(t), 2)
	})
}
