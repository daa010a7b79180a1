package checkpoint_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestOthersCanNotGoBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, checkpoint.Retention{})
		c := b.record(t, checkpoint.Point{})
		eve := access.WithViewer(t.Context(), storetest.User(t, db, "eve@example.com"))
		for _, id := range []string{c.ID, "chk_nothing", "nonsense"} {
			_, err := b.Restore(eve, checkpoint.Input{CheckpointID: id, Files: true})
			requireProblem(t, err, problem.NotFound, "checkpointId")
		}
		require.Zero(t, db.Ent.Checkpoint.Query().CountX(eve))
	})
}

func TestWhatCanNotGoBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, checkpoint.Retention{})
		c := b.record(t, checkpoint.Point{})
		_, err := b.Restore(b.ctx, checkpoint.Input{CheckpointID: c.ID})
		requireProblem(t, err, problem.BadInput, "files")
		_, err = b.Restore(b.ctx, checkpoint.Input{CheckpointID: c.ID, Conversation: true})
		requireProblem(t, err, problem.BadInput, "conversation")
		_, err = b.Restore(b.ctx, checkpoint.Input{CheckpointID: c.ID, Conversation: true, Paths: []string{"a"}})
		requireProblem(t, err, problem.BadInput, "paths")
	})
}

// What ends in the middle has done nothing, so that the same request does all of it.
func TestGoingBackIsAllOrNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, checkpoint.Retention{})
		then := map[string]file{"a": {workspace.Regular, "one"}, "ignored/x": {workspace.Regular, "one"}}
		b.shell.files = maps.Clone(then)
		b.shell.sync(t)
		c := b.record(t, checkpoint.Point{})
		b.shell.files = map[string]file{"a": {workspace.Regular, "two"}, "ignored/x": {workspace.Regular, "two"}}
		b.shell.sync(t)
		left, worktree := b.now(t), maps.Clone(b.shell.files)
		recorded := db.Ent.Checkpoint.Query().CountX(b.ctx)

		in := checkpoint.Input{CheckpointID: c.ID, Files: true, IdempotencyKey: "k"}
		b.shell.fails = errors.New("the process ends")
		_, err := b.Restore(b.ctx, in)
		require.ErrorIs(t, err, b.shell.fails)
		require.Equal(t, left, b.now(t))
		require.Equal(t, worktree, b.shell.files)
		require.Equal(t, recorded, db.Ent.Checkpoint.Query().CountX(b.ctx))

		b.shell.fails = nil
		b.restore(t, in)
		require.Equal(t, "one", b.now(t)["a"].text)
		require.Equal(t, then, b.shell.files)
	})
}

// What is written behind the snapshot would be gone for good.
func TestGoingBackIsUndoneWithAllThatItTookAway(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, checkpoint.Retention{})
		b.shell.files = map[string]file{"a": {workspace.Regular, "one"}}
		b.shell.sync(t)
		c := b.record(t, checkpoint.Point{})
		b.shell.meanwhile = func() {
			if b.shell.written == 0 {
				b.shell.written++
				b.shell.files["ignored/late"] = file{workspace.Regular, "late"}
			}
		}
		undo := b.restore(t, checkpoint.Input{CheckpointID: c.ID, Files: true}).Undo
		require.NotContains(t, b.shell.files, "ignored/late")
		b.restore(t, checkpoint.Input{CheckpointID: undo.ID, Files: true})
		require.Equal(t, file{workspace.Regular, "late"}, b.shell.files["ignored/late"])

		b.shell.meanwhile = func() { b.shell.written++ }
		_, err := b.Restore(b.ctx, checkpoint.Input{CheckpointID: c.ID, Files: true})
		require.Equal(t, problem.Conflict, problem.As(err).Code)
	})
}

func TestAConversationGoesBackAndReturns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, checkpoint.Retention{})
		r := storetest.Run(t, db, b.project, enum.RunRunning)
		c := b.record(t, checkpoint.Point{ConversationID: r.ConversationID})
		in := checkpoint.Input{CheckpointID: c.ID, Conversation: true, IdempotencyKey: "k"}
		_, err := b.Restore(b.ctx, in)
		requireProblem(t, err, problem.Conflict, "")
		require.False(t, b.retracted(t, r))

		b.db.Ent.Run.UpdateOneID(r.ID).SetState(enum.RunSucceeded).ExecX(storetest.Unchecked(b.ctx))
		preview, err := b.Restore(b.ctx, checkpoint.Input{CheckpointID: c.ID, Conversation: true, Preview: true})
		require.NoError(t, err)
		require.False(t, preview.Applied)
		require.Equal(t, 1, preview.Messages)
		require.False(t, b.retracted(t, r))

		out, err := b.Restore(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, 1, out.Messages)
		require.True(t, b.retracted(t, r))
		again, err := b.Restore(b.ctx, in)
		require.NoError(t, err)
		require.Equal(t, out.Undo.ID, again.Undo.ID, "the same key does it once")

		_, err = b.Restore(b.ctx, checkpoint.Input{CheckpointID: out.Undo.ID, Conversation: true})
		require.NoError(t, err)
		require.False(t, b.retracted(t, r))
	})
}

func (b *bundle) retracted(t *testing.T, r *ent.Run) bool {
	t.Helper()
	m, err := b.db.Ent.Message.Query().Where(message.ConversationID(r.ConversationID)).Only(b.ctx)
	require.NoError(t, err)
	return m.Retracted
}

// What going back would do is read while others write, and they don't wait for it.
func TestAPreviewHoldsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db, checkpoint.Retention{})
		r := storetest.Run(t, db, b.project, enum.RunSucceeded)
		text := "then"
		write := func(ctx context.Context, tx *store.Tx) (string, error) {
			return b.files.CommitTx(ctx, tx, workspace.Main(b.project.ID), workspace.Author{}, "change", workspace.Change{Path: "a", Content: &text})
		}
		commit := func() {
			require.NoError(t, db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := write(ctx, tx)
				return err
			}))
		}
		commit()
		c := b.record(t, checkpoint.Point{ConversationID: r.ConversationID})
		text = "now"
		commit()
		text = "next"
		require.NoError(t, db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
			storetest.Linger(t, tx)
			if _, err := write(ctx, tx); err != nil {
				return err
			}
			if err := tx.Ent.Conversation.UpdateOneID(r.ConversationID).SetTitle("held").Exec(storetest.Unchecked(ctx)); err != nil {
				return err
			}
			out := b.restore(t, checkpoint.Input{CheckpointID: c.ID, Files: true, Conversation: true, Preview: true})
			require.Len(t, out.Files, 1)
			require.Equal(t, workspace.RevisionOf("now"), out.Files[0].Before.Revision)
			require.Equal(t, workspace.RevisionOf("then"), out.Files[0].After.Revision)
			require.Equal(t, 1, out.Messages)
			return nil
		}))
	})
}
