package workspace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

// overtaken is the bundle's workspace, where others do something whenever it has written a
// commit down, which nobody else sees yet: with the number of times so far.
func (b *bundle) overtaken(others func(n int)) *workspace.Workspace {
	n := 0
	return workspace.Asking(b.Workspace, func() time.Time {
		n++
		others(n)
		return time.Now()
	})
}

func TestOthersWriteWhileABatchIsPrepared(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		first := b.commit(t, write("a", "1"), write("b", "1"))
		moving := b.overtaken(func(n int) {
			if n == 1 {
				b.commit(t, write("a", "theirs"))
			}
		})
		in := workspace.Batch{On: workspace.Main(b.project.ID), Operations: []op{moveOp("a", "c"), writeOp("b", "2")}, IdempotencyKey: "k"}
		commit, err := moving.ChangeFiles(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, "theirs", b.text(t, "c", ""), "each step is made to what they have left")
		require.Equal(t, []string{"b", "c"}, b.paths(t, "", ""))
		history := b.history(t)
		require.Len(t, history, 3)
		require.Equal(t, commit, history[0].Hash)
		require.Equal(t, first, history[2].Hash)
		again, err := moving.ChangeFiles(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, commit, again)

		base := b.revision(t, "b")
		moving = b.overtaken(func(n int) {
			if n == 1 {
				b.commit(t, write("b", "theirs"))
			}
		})
		in.Operations, in.IdempotencyKey = []op{{Write: &workspace.WriteOperation{Path: "b", Content: "mine", Base: &base}}}, "other"
		_, err = moving.ChangeFiles(b.ctx, in)
		requireProblem(t, err, problem.Conflict, "path")
		require.Equal(t, "theirs", *problem.As(err).Sides.Text)

		moving = b.overtaken(func(n int) {
			if n == 1 {
				b.commit(t, write("d", "theirs"))
			}
		})
		_, err = moving.Restore(b.ctx, workspace.Main(b.project.ID), workspace.RestoreOperation{Commit: first, Tree: true}, "", "")
		require.NoError(t, err)
		require.Equal(t, []string{"a", "b"}, b.paths(t, "", ""), "their file wasn't there then")
		requireSound(t, b)
	})
}

// Who is overtaken again and again holds the branch at last; what is large is written by then.
func TestABatchThatIsOvertakenLandsInTheEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		large, held := strings.Repeat("large", 100_000), false
		moving := b.overtaken(func(n int) {
			if n <= 3 {
				b.commit(t, write("f", fmt.Sprint(n)))
				return
			}
			held = true
			there, err := b.Blob(b.ctx, b.project.ID, workspace.RevisionOf(large), int64(len(large)))
			require.NoError(t, err)
			require.Equal(t, large, *there)
		})
		file, commit, err := moving.Write(b.ctx, workspace.WriteInput{ProjectID: b.project.ID, Path: "run", Text: large, Mode: workspace.Executable})
		require.NoError(t, err)
		require.True(t, held)
		require.Equal(t, large, *file.Text)
		require.Equal(t, workspace.Executable, b.mode(t, "run"))
		require.Equal(t, commit, b.history(t)[0].Hash)
		require.Len(t, b.history(t), 4)
		b.counted(t)
		requireSound(t, b)
	})
}

// The answer to a key is what was done, even where the same can't be done again.
func TestAKeyAnswersWhatCanNotBeDoneAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		nothing := ""
		in := workspace.Batch{On: workspace.Main(b.project.ID), Operations: []op{{Write: &workspace.WriteOperation{Path: "a", Content: "1", Base: &nothing}}}, IdempotencyKey: "k"}
		first, err := b.ChangeFiles(b.ctx, in)
		require.NoError(t, err)
		again, err := b.ChangeFiles(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, first, again)
		in.Operations = []op{{Write: &workspace.WriteOperation{Path: "a", Content: "2", Base: &nothing}}}
		_, err = b.ChangeFiles(b.ctx, in)
		requireProblem(t, err, problem.Conflict, "idempotencyKey")
		in.IdempotencyKey = "\x00"
		_, err = b.ChangeFiles(b.ctx, in)
		requireProblem(t, err, problem.BadInput, "idempotencyKey")
		in.IdempotencyKey = ""
		_, err = b.ChangeFiles(b.ctx, in)
		requireProblem(t, err, problem.Conflict, "path")
	})
}
