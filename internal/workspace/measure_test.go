package workspace_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

// measured holds what a branch's row says of its files against the files.
func (b *bundle) measured(t *testing.T, branch string) {
	t.Helper()
	files, _, err := b.Files(b.ctx, b.project.ID, "", branch, "", 1000)
	require.NoError(t, err)
	size := 0
	for _, f := range files {
		size += f.Size
	}
	row := b.db.Ent.GitRef.Query().Where(gitref.ProjectID(b.project.ID), gitref.Name("refs/heads/"+branch)).OnlyX(b.ctx)
	require.Equal(t, [2]int{size, len(files)}, [2]int{int(row.Size), row.Files}, branch)
}

// A new branch's files are counted without looking at those that it shares with another.
func TestABranchIsMeasuredByWhatDiffers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		changes := []workspace.Change{write("a", "one"), write("gone", "gone")}
		for i := range 20 {
			changes = append(changes, write(fmt.Sprintf("d/%d", i), fmt.Sprint("same", i)))
		}
		old := b.commit(t, changes...)
		b.commit(t, write("a", "another"), remove("gone"), write("e/new", "new"), write("e/copy", "one"))
		b.branch(t, "tip", "")
		b.commitOn(t, "tip", write("a", "on a branch"), write("z", "z"))
		on := func(name string) workspace.Branch { return workspace.Branch{ProjectID: b.project.ID, Name: name} }
		in := func(fn func(ctx context.Context, tx *store.Tx) error) {
			t.Helper()
			require.NoError(t, db.InTx(b.ctx, fn))
		}
		begin := func(prefix string) {
			t.Helper()
			require.Equal(t, old, b.branch(t, prefix+"commit", old).Hash)
			b.branch(t, prefix+"branch", "tip")
			in(func(ctx context.Context, tx *store.Tx) error {
				return b.Fork(ctx, tx, on(prefix+"fork"), on("tip"), old)
			})
			in(func(ctx context.Context, tx *store.Tx) error {
				return b.ForkTx(ctx, tx, on(prefix+"talk"), on("nothing"), old, ada)
			})
		}
		names := []string{"commit", "branch", "fork", "talk"}
		begin("1-")
		for _, name := range names {
			b.measured(t, "1-"+name)
		}
		ctx := storetest.Unchecked(b.ctx)
		db.Ent.GitRef.Update().Where(gitref.Name("refs/heads/main")).SetFiles(-1).ExecX(ctx)
		begin("2-") // as before anybody counted
		for _, name := range names {
			b.measured(t, "2-"+name)
		}
		b.commit(t, write("a", "counted"))
		require.Equal(t, 1, db.Ent.GitObject.Delete().Where(gitobject.Hash(workspace.RevisionOf("same7"))).ExecX(ctx))
		begin("3-")
		row := func(name string) (size int64, files int) {
			r := db.Ent.GitRef.Query().Where(gitref.Name("refs/heads/" + name)).OnlyX(b.ctx)
			return r.Size, r.Files
		}
		for _, name := range names {
			size, files := row("1-" + name)
			size3, files3 := row("3-" + name)
			require.Equal(t, size, size3, name)
			require.Equal(t, files, files3, name)
		}
	})
}
