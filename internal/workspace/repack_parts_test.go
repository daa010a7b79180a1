package workspace_test

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/gitobject"
	"github.com/zeblit/zeblit/ent/gitpackobject"
	"github.com/zeblit/zeblit/ent/gitref"
	entproject "github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

func (b *bundle) tryRepack() (workspace.Repacked, error) {
	return workspace.NewRepacker(b.Workspace, slog.New(slog.DiscardHandler)).Repack(access.As(b.ctx, access.Maintenance), b.project.ID)
}

// interruptedAt repacks a database that refuses something to a table from a number of its
// rows on: it fails there, with all that came before done.
func (b *bundle) interruptedAt(t *testing.T, what, table, when string) {
	t.Helper()
	_, err := b.db.SQL.ExecContext(b.ctx, fmt.Sprintf(
		"CREATE TRIGGER enough BEFORE %s ON %s WHEN (SELECT count(*) FROM %s) %s BEGIN SELECT RAISE(ABORT, 'enough'); END", what, table, table, when))
	require.NoError(t, err)
	_, err = b.tryRepack()
	require.ErrorContains(t, err, "enough")
	_, err = b.db.SQL.ExecContext(b.ctx, "DROP TRIGGER enough")
	require.NoError(t, err)
}

func TestUnreachableObjectsAreDroppedAFewAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	tip := b.commit(t, write("kept", "kept"))
	for i := range 300 {
		b.commit(t, write("f", fmt.Sprint("dropped", i)))
	}
	b.db.Ent.GitRef.Update().SetHash(tip).ExecX(storetest.Unchecked(b.ctx))
	b.Workspace = workspace.At(b.Workspace, time.Now().Add(25*time.Hour))
	b.interruptedAt(t, "DELETE", "git_objects", "< 650")
	left := b.everything(t)
	require.Equal(t, 703, len(left))
	b.counted(t)
	refers := regexp.MustCompile(`(?m)^(?:committree|parent) ([0-9a-f]{40})$`)
	commits := 0
	for _, text := range left {
		if !strings.HasPrefix(text, "commit") {
			continue
		}
		commits++
		for _, to := range refers.FindAllStringSubmatch(text, -1) {
			require.True(t, left[to[1]] != "", "a commit that is there is whole")
		}
	}
	require.Equal(t, 101, commits)
	done, err := b.tryRepack()
	require.NoError(t, err)
	require.Equal(t, 700, done.Dropped)
	require.Len(t, b.everything(t), 3)
	b.counted(t)
	requireSound(t, b)
}

// A branch may be begun at a commit of late, which is nothing without what came before it.
func TestWhatAYoungCommitLeadsToIsKeptWithIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		tip := b.commit(t, write("kept", "kept"))
		b.commit(t, write("f", "first"))
		b.commit(t, write("f", "second"))
		_, err := db.SQL.ExecContext(b.ctx, "UPDATE git_objects SET created_at = NULL")
		require.NoError(t, err)
		late := b.commit(t, write("g", "late"))
		b.db.Ent.GitRef.Update().SetHash(tip).ExecX(storetest.Unchecked(b.ctx))
		require.Zero(t, b.repack(t).Dropped)
		_, err = b.CreateBranch(b.ctx, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: "late", From: late})
		require.NoError(t, err)
		requireSound(t, b)
		b.db.Ent.GitRef.Update().SetHash(tip).ExecX(storetest.Unchecked(b.ctx))
		b.Workspace = workspace.At(b.Workspace, time.Now().Add(25*time.Hour))
		require.Equal(t, 9, b.repack(t).Dropped)
		requireSound(t, b)
	})
}

// What is written for a commit that is to come may have been there before, and be old.
func TestWhatIsWrittenAheadIsYoungAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.commit(t, write("kept", "kept"))
		for _, packed := range []bool{false, true} {
			for i := range 60 {
				require.NoError(t, b.Stow(b.ctx, b.project.ID, []string{fmt.Sprint("stowed", i)}))
			}
			_, err := b.Detached(b.ctx, b.project.ID, "", workspace.Author{}, "Detached", write("f", "detached"))
			require.NoError(t, err)
			before := b.everything(t)
			require.Equal(t, packed, db.Ent.GitPackObject.Query().ExistX(b.ctx), "they are packed behind the first time")
			for _, table := range []string{gitobject.Table, gitpackobject.Table} {
				_, err := db.SQL.ExecContext(b.ctx, "UPDATE "+table+" SET created_at = NULL")
				require.NoError(t, err)
			}
			for i := range 60 {
				require.NoError(t, b.Stow(b.ctx, b.project.ID, []string{fmt.Sprint("stowed", i)}))
			}
			_, err = b.Detached(b.ctx, b.project.ID, "", workspace.Author{}, "Detached", write("f", "detached"))
			require.NoError(t, err)
			b.repack(t)
			left := b.everything(t)
			for hash, text := range before {
				if !strings.HasPrefix(text, "commit") { // those have the second in them, and are new
					require.Contains(t, left, hash)
				}
			}
		}
	})
}

// What is left of a damaged repository is packed all the same, and nothing of it dropped.
func TestADamagedRepositoryIsPacked(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	lost := b.commit(t, write("f", "first"))
	for i := range 20 {
		b.commit(t, write("f", fmt.Sprint(i)))
	}
	b.db.Ent.GitObject.Delete().Where(gitobject.Hash(lost)).ExecX(storetest.Unchecked(b.ctx))
	b.Workspace = workspace.At(b.Workspace, time.Now().Add(25*time.Hour))
	done, err := b.tryRepack()
	require.NoError(t, err)
	require.Contains(t, done.Skipped, lost)
	require.Equal(t, []int{0, 62}, []int{done.Dropped, done.Packed})
}

func TestPacksAreMadeAndUnpackedAFewObjectsAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	for i := range 200 {
		b.commit(t, write("a", fmt.Sprint(i)), write("b", fmt.Sprint("b", i)), write("c", fmt.Sprint("c", i)))
	}
	before := b.everything(t)
	require.Len(t, before, 1000)
	packed := func() int { return b.db.Ent.GitPackObject.Query().CountX(b.ctx) }
	b.interruptedAt(t, "INSERT", "git_pack_objects", "> 500")
	require.Equal(t, 400, packed())
	require.Equal(t, before, b.everything(t))
	b.counted(t)
	b.interruptedAt(t, "DELETE", "git_pack_objects", "< 100")
	require.Equal(t, 200, packed(), "a pack with few of its objects is unpacked")
	require.Equal(t, before, b.everything(t))
	b.counted(t)
	require.Equal(t, len(before), b.repack(t).Packed)
	require.Equal(t, 1, b.db.Ent.GitPack.Query().CountX(b.ctx))
	require.Equal(t, before, b.everything(t))
	b.counted(t)
	requireSound(t, b)
}

// oneWaits until somebody waits for a lock of PostgreSQL.
func (b *bundle) oneWaits(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		var waiting int
		err := b.db.SQL.QueryRowContext(b.ctx,
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		return err == nil && waiting == 1
	}, time.Minute, 5*time.Millisecond)
}

// A branch that begins at a commit that is just being dropped isn't made.
func TestNoBranchBeginsAtWhatIsDropped(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.Postgres(t))
	tip := b.commit(t, write("kept", "kept"))
	gone := b.commit(t, write("f", "dropped"))
	ctx := storetest.Unchecked(b.ctx)
	b.db.Ent.GitRef.Update().SetHash(tip).ExecX(ctx)
	for i, begin := range []func() error{
		func() error {
			_, err := b.CreateBranch(b.ctx, workspace.CreateBranchInput{ProjectID: b.project.ID, Name: "x", From: gone})
			return err
		},
		func() error {
			return b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
				return b.Fork(ctx, tx, workspace.Branch{ProjectID: b.project.ID, Name: "x"}, workspace.Main(b.project.ID), gone)
			})
		},
	} {
		object := b.db.Ent.GitObject.Query().Where(gitobject.Hash(gone)).OnlyX(b.ctx)
		ended := make(chan error, 1)
		require.NoError(t, b.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			storetest.Linger(t, tx)
			if _, err := tx.Ent.Project.Query().Where(entproject.ID(b.project.ID)).ForUpdate().Only(ctx); err != nil {
				return err
			}
			go func() { ended <- begin() }()
			b.oneWaits(t)
			return tx.Ent.GitObject.DeleteOne(object).Exec(ctx)
		}))
		requireProblem(t, <-ended, problem.NotFound, []string{"from", "commit"}[i])
		b.db.Ent.GitObject.Create().SetProjectID(object.ProjectID).SetHash(object.Hash).SetKind(object.Kind).SetSize(object.Size).
			SetData(object.Data).ExecX(ctx)
	}
}

// Those who claim a run, or go back to a checkpoint, have the project before a branch;
// those who commit have the branch first.
func TestDroppingWaitsForNobodyWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.Postgres(t))
	tip := b.commit(t, write("kept", "kept"))
	b.commit(t, write("f", "dropped"))
	ctx := storetest.Unchecked(b.ctx)
	b.db.Ent.GitRef.Update().SetHash(tip).ExecX(ctx)
	b.Workspace = workspace.At(b.Workspace, time.Now().Add(25*time.Hour))
	hold := func(ctx context.Context, tx *store.Tx) error {
		return tx.Ent.Project.Update().Where(entproject.ID(b.project.ID)).SetServedAt(1).Exec(ctx)
	}
	move := func(ctx context.Context, tx *store.Tx) error {
		return tx.Ent.GitRef.Update().Where(gitref.ProjectID(b.project.ID)).SetHash(tip).Exec(ctx)
	}

	require.NoError(t, b.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		storetest.Linger(t, tx)
		if err := move(ctx, tx); err != nil {
			return err
		}
		done, err := b.tryRepack()
		require.NoError(t, err)
		require.NotEmpty(t, done.Skipped)
		return hold(ctx, tx)
	}))

	ended := make(chan error, 1)
	require.NoError(t, b.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		storetest.Linger(t, tx)
		if err := hold(ctx, tx); err != nil {
			return err
		}
		go func() {
			_, err := b.tryRepack()
			ended <- err
		}()
		b.oneWaits(t)
		return move(ctx, tx)
	}))
	require.NoError(t, <-ended)
	require.Len(t, b.everything(t), 3)
}
