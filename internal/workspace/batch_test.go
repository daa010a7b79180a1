package workspace_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

type op = workspace.Operation

func writeOp(path, text string) op {
	return op{Write: &workspace.WriteOperation{Path: path, Content: text}}
}

func moveOp(from, to string) op { return op{Move: &workspace.MoveOperation{From: from, To: to}} }

func copyOp(from, to string) op { return op{Copy: &workspace.MoveOperation{From: from, To: to}} }

func deleteOp(path string) op { return op{Delete: &workspace.DeleteOperation{Path: path}} }

func (b *bundle) batch(ops ...op) (string, error) {
	return b.ChangeFiles(b.ctx, workspace.Batch{On: workspace.Main(b.project.ID), Operations: ops})
}

func (b *bundle) change(t *testing.T, ops ...op) string {
	t.Helper()
	commit, err := b.batch(ops...)
	require.NoError(t, err)
	return commit
}

func (b *bundle) refusedBatch(t *testing.T, code problem.Code, field string, ops ...op) {
	t.Helper()
	_ = b.refusal(t, code, field, ops...)
}

func (b *bundle) refusal(t *testing.T, code problem.Code, field string, ops ...op) *problem.Error {
	t.Helper()
	_, err := b.batch(ops...)
	requireProblem(t, err, code, field)
	return problem.As(err)
}

func (b *bundle) revision(t *testing.T, path string) string {
	t.Helper()
	file, err := b.File(b.ctx, b.project.ID, path, "")
	require.NoError(t, err)
	return file.Revision
}

func TestMoveCopyAndDelete(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("a.txt", "a"), as(workspace.Executable, write("dir/run", "run")), write("dir/sub/x", "x"))
		b.change(t, moveOp("a.txt", "b/c.txt"))
		require.Equal(t, []string{"b/c.txt", "dir/run", "dir/sub/x"}, b.paths(t, "", ""))
		b.change(t, moveOp("dir", "moved/dir"), copyOp("moved/dir", "copy"))
		require.Equal(t, []string{"b/c.txt", "copy/run", "copy/sub/x", "moved/dir/run", "moved/dir/sub/x"}, b.paths(t, "", ""))
		require.Equal(t, workspace.Executable, b.mode(t, "copy/run"))
		require.Len(t, b.history(t), 3)
		require.Equal(t, "Move a.txt to b/c.txt", b.history(t)[1].Message)
		require.Equal(t, "Make 2 changes", b.history(t)[0].Message)

		p := b.refusal(t, problem.Conflict, "to", copyOp("copy/run", "b/c.txt"))
		require.Equal(t, "a", *p.Sides.Text)
		b.change(t, op{Copy: &workspace.MoveOperation{From: "copy/run", To: "b/c.txt", Overwrite: true}})
		require.Equal(t, "run", b.text(t, "b/c.txt", ""))
		b.refusedBatch(t, problem.NotFound, "from", moveOp("nothing", "x"))
		b.refusedBatch(t, problem.BadInput, "to", moveOp("copy", "copy/copy"))
		b.refusedBatch(t, problem.BadInput, "to", moveOp("b/c.txt", "../x"))
		b.refusedBatch(t, problem.BadInput, "from", moveOp(".git/config", "x"))
		b.refusedBatch(t, problem.BadInput, "to", moveOp("copy", strings.Repeat("d/", 253)+"d"))

		b.refusedBatch(t, problem.BadInput, "path", deleteOp("copy"))
		b.refusedBatch(t, problem.NotFound, "path", deleteOp("nothing"))
		b.change(t, op{Delete: &workspace.DeleteOperation{Path: "copy", Recursive: true}}, deleteOp("b/c.txt"))
		require.Equal(t, []string{"moved/dir/run", "moved/dir/sub/x"}, b.paths(t, "", ""))
		requireSound(t, b)
	})
}

func TestABatchIsMadeStepByStepAndAllOrNone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.change(t, writeOp("a", "1"), writeOp("b", "2"))
		b.change(t, moveOp("a", "t"), moveOp("b", "a"), moveOp("t", "b"), writeOp("c", "3"), deleteOp("c"))
		require.Equal(t, []string{"a", "b"}, b.paths(t, "", ""))
		require.Equal(t, "2", b.text(t, "a", ""))
		require.Equal(t, "1", b.text(t, "b", ""))
		b.refusedBatch(t, problem.NotFound, "changes.1.path", writeOp("new", "x"), deleteOp("c"))
		b.refusedBatch(t, problem.BadInput, "changes.1.path", writeOp("new", "x"), writeOp("/abs", "x"))
		require.Equal(t, []string{"a", "b"}, b.paths(t, "", ""))
		b.refusedBatch(t, problem.BadInput, "changes")
		b.refusedBatch(t, problem.BadInput, "changes", op{})
		b.refusedBatch(t, problem.BadInput, "mode", op{SetMode: &workspace.ModeOperation{Path: "a", Mode: workspace.Symlink}})
		b.change(t, op{SetMode: &workspace.ModeOperation{Path: "a", Mode: workspace.Executable}})
		require.Equal(t, workspace.Executable, b.mode(t, "a"))
		b.refusedBatch(t, problem.BadInput, "text", op{Write: &workspace.WriteOperation{Path: "l", Content: "../out", Mode: workspace.Symlink}})
		b.change(t, op{Write: &workspace.WriteOperation{Path: "l", Content: "a", Mode: workspace.Symlink}})
		require.Equal(t, workspace.Symlink, b.mode(t, "l"))
		b.change(t, moveOp("a", "A"))
		require.Equal(t, []string{"A", "b", "l"}, b.paths(t, "", ""), "another case is another name")
	})
}

func TestConflictsShowBothSides(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.change(t, writeOp("a", "1"))
		one := b.revision(t, "a")
		b.change(t, writeOp("a", "2"))
		two := b.revision(t, "a")
		for _, o := range []op{
			{Write: &workspace.WriteOperation{Path: "a", Content: "3", Base: &one}},
			{Delete: &workspace.DeleteOperation{Path: "a", Base: &one}},
			{SetMode: &workspace.ModeOperation{Path: "a", Mode: workspace.Executable, Base: &one}},
		} {
			p := b.refusal(t, problem.Conflict, "path", o)
			text := "2"
			require.Equal(t, &problem.Sides{Path: "a", Expected: one, Current: two, Text: &text}, p.Sides)
		}
		p := b.refusal(t, problem.Conflict, "from", op{Move: &workspace.MoveOperation{From: "a", To: "b", Base: &one}})
		require.Equal(t, two, p.Sides.Current)

		b.change(t, writeOp("a", strings.Repeat("x", 64<<10+1)))
		p = b.refusal(t, problem.Conflict, "path", op{Write: &workspace.WriteOperation{Path: "a", Content: "3", Base: &one}})
		require.Nil(t, p.Sides.Text)
		b.change(t, writeOp("a", "nul\x00"))
		p = b.refusal(t, problem.Conflict, "path", op{Write: &workspace.WriteOperation{Path: "a", Content: "3", Base: &one}})
		require.Nil(t, p.Sides.Text)
		b.change(t, deleteOp("a"))
		p = b.refusal(t, problem.Conflict, "path", op{Write: &workspace.WriteOperation{Path: "a", Content: "3", Base: &one}})
		require.Equal(t, &problem.Sides{Path: "a", Expected: one}, p.Sides)
	})
}

func TestABatchWithAKeyIsDoneOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		in := workspace.Batch{On: workspace.Main(b.project.ID), Operations: []op{writeOp("a", "\xff1")}, IdempotencyKey: "k"}
		first, err := b.ChangeFiles(b.ctx, in)
		require.NoError(t, err)
		b.change(t, deleteOp("a"))
		again, err := b.ChangeFiles(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, first, again)
		require.Empty(t, b.paths(t, "", ""))
		in.Operations = []op{writeOp("a", "\xfe1")}
		_, err = b.ChangeFiles(b.ctx, in)
		requireProblem(t, err, problem.Conflict, "idempotencyKey")
	})
}

func TestPathsAreNormalised(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		const composed, decomposed = "caf\u00e9", "cafe\u0301"
		b.change(t, writeOp(decomposed, "1"))
		require.Equal(t, []string{composed}, b.paths(t, "", ""))
		require.Equal(t, "1", b.text(t, decomposed, ""))
		b.change(t, writeOp(composed, "2"), moveOp(decomposed, "x/"+decomposed))
		require.Equal(t, []string{"x/" + composed}, b.paths(t, "", ""))
		b.commit(t, write(decomposed, "from elsewhere")) // as a push may bring it
		require.Equal(t, "from elsewhere", b.text(t, decomposed, ""))
		b.change(t, deleteOp(decomposed))
		require.Equal(t, []string{"x/" + composed}, b.paths(t, "", ""))
	})
}

func TestRestore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		on := workspace.Main(b.project.ID)
		first := b.commit(t, as(workspace.Executable, write("a", "1")), write("d/x", "1"), write("d/y", "1"))
		second := b.commit(t, write("a", "2"), remove("d/x"), write("d/y", "2"), write("d/z", "2"), write("e", "2"))
		restore := func(o workspace.RestoreOperation) error {
			_, err := b.Restore(b.ctx, on, o, "", "")
			return err
		}
		require.NoError(t, restore(workspace.RestoreOperation{Path: "d", Commit: first, Tree: true}))
		require.Equal(t, []string{"a", "d/x", "d/y", "e"}, b.paths(t, "", ""))
		require.Equal(t, "1", b.text(t, "d/y", ""))
		require.NoError(t, restore(workspace.RestoreOperation{Path: "a", Commit: first}))
		require.Equal(t, "1", b.text(t, "a", ""))
		require.Equal(t, "Restore a from "+first, b.history(t)[0].Message)
		require.NoError(t, restore(workspace.RestoreOperation{Commit: second, Tree: true}))
		require.Equal(t, []string{"a", "d/y", "d/z", "e"}, b.paths(t, "", ""))
		require.Len(t, b.history(t), 5)
		stale := strings.Repeat("1", 40)
		requireProblem(t, restore(workspace.RestoreOperation{Path: "a", Commit: first, Base: &stale}), problem.Conflict, "path")
		requireProblem(t, restore(workspace.RestoreOperation{Path: "e", Commit: first}), problem.NotFound, "path")
		requireProblem(t, restore(workspace.RestoreOperation{Path: "q", Commit: first, Tree: true}), problem.NotFound, "path")
		requireProblem(t, restore(workspace.RestoreOperation{Path: "e", Commit: "main"}), problem.BadInput, "revision")
		requireProblem(t, restore(workspace.RestoreOperation{Path: "e", Commit: strings.Repeat("1", 40)}), problem.NotFound, "revision")
		requireSound(t, b)
	})
}

func TestOthersChangeNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		hash := b.commit(t, write("a", "secret"))
		eve := storetest.User(t, db, "eve@example.com")
		ctx, id := access.WithViewer(t.Context(), eve), b.project.ID
		for name, try := range map[string]func() error{
			"change": func() error {
				_, err := b.ChangeFiles(ctx, workspace.Batch{On: workspace.Main(id), Operations: []op{moveOp("a", "b")}})
				return err
			},
			"restore": func() error {
				_, err := b.Restore(ctx, workspace.Main(id), workspace.RestoreOperation{Path: "a", Commit: hash}, "", "")
				return err
			},
			"tree":    func() error { _, err := b.Tree(ctx, id, "", "", 1); return err },
			"search":  func() error { _, err := b.Search(ctx, id, workspace.Search{Pattern: "s"}, nil, 10); return err },
			"history": func() error { _, err := b.FileHistory(ctx, id, "a", "", nil, 10); return err },
			"blame":   func() error { _, err := b.Blame(ctx, id, "a", ""); return err },
			"diff":    func() error { _, err := b.Diff(ctx, id, "", "", ""); return err },
			"all":     func() error { _, err := b.Snapshot(ctx, id, "", ""); return err },
			"storage": func() error { _, err := b.Storage(ctx, id); return err },
		} {
			t.Log(name)
			requireProblem(t, try(), problem.NotFound, "projectId")
		}
	})
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.Workspace = workspace.New(db, b.log, workspace.WithQuota(workspace.Quota{Bytes: 100, Files: 3, History: 2000}))
		b.change(t, writeOp("a", strings.Repeat("a", 50)), writeOp("b", "b"))
		p := b.refusal(t, problem.PreconditionFailed, "", writeOp("c", strings.Repeat("c", 50)))
		require.Equal(t, "the project's files would take 101 bytes and may take 100: they take 51 now. Delete files, or make them smaller", p.Message)
		b.change(t, writeOp("c", "c"))
		p = b.refusal(t, problem.PreconditionFailed, "", writeOp("d", "d"))
		require.Contains(t, p.Message, "4 files and may have 3: it has 3 now")
		b.change(t, deleteOp("c"), writeOp("d", "d"))

		got, err := b.Storage(b.ctx, b.project.ID)
		require.NoError(t, err)
		require.EqualValues(t, 52, got.Bytes)
		require.EqualValues(t, 3, got.Files)
		require.EqualValues(t, 2000, got.Quota.History)
		require.Greater(t, got.History, int64(200))
		for i := 0; ; i++ {
			_, err := b.batch(writeOp("d", strings.Repeat("d", i)))
			if err != nil {
				requireProblem(t, err, problem.PreconditionFailed, "")
				require.Contains(t, err.Error(), "history would take")
				break
			}
			require.Less(t, i, 40)
		}
		b.change(t, deleteOp("d"))
		require.Equal(t, []string{"a", "b"}, b.paths(t, "", ""))
	})
}
