package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// step is a run that a worker holds.
type step struct {
	id    string
	epoch int64
	ctx   context.Context
}

// take has hands hold n runs, each of its own conversation.
func (b *testBundle) take(t *testing.T, hands *run.Hands, n int) []step {
	t.Helper()
	var out []step
	for range n {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		c, err := hands.Claim(r.ID)
		require.NoError(t, err)
		require.NotNil(t, c)
		ctx, release := hands.Hold(c)
		t.Cleanup(release)
		out = append(out, step{r.ID, c.Run().Epoch, ctx})
	}
	return out
}

// change writes into a run past everything that guards it.
func (b *testBundle) change(t *testing.T, id string, f func(*ent.RunUpdateOne)) {
	t.Helper()
	u := b.db.Ent.Run.UpdateOneID(id)
	f(u)
	require.NoError(t, u.Exec(storetest.Unchecked(context.Background())))
}

func (b *testBundle) leaseUntil(t *testing.T, id string) int64 {
	t.Helper()
	r, err := b.db.Ent.Run.Get(b.ctx, id)
	require.NoError(t, err)
	return r.LeaseUntil
}

func TestOneBeatRenewsAllLeases(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		steps := b.take(t, hands, 20)
		if storetest.IsPostgres(b.db) { // which can count statements
			for _, s := range []string{
				"CREATE TABLE statements (n int)", "INSERT INTO statements VALUES (0)",
				"CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE statements SET n = n + 1; RETURN NULL; END $$",
				"CREATE TRIGGER counted AFTER UPDATE ON runs FOR EACH STATEMENT EXECUTE FUNCTION counted()",
			} {
				_, err := b.db.SQL.Exec(s)
				require.NoError(t, err)
			}
		}
		for _, s := range steps {
			b.change(t, s.id, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(1) })
		}
		before := 0
		if storetest.IsPostgres(b.db) {
			require.NoError(t, b.db.SQL.QueryRow("SELECT n FROM statements").Scan(&before))
		}
		hands.Age(time.Hour)
		hands.Beat()
		for _, s := range steps {
			require.NoError(t, s.ctx.Err())
			require.Greater(t, b.leaseUntil(t, s.id), int64(1))
		}
		if storetest.IsPostgres(b.db) {
			var after int
			require.NoError(t, b.db.SQL.QueryRow("SELECT n FROM statements").Scan(&after))
			require.Equal(t, before+1, after)
		}
	})
}

func TestABeatFindsTheLeasesThatAreLost(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		steps := b.take(t, hands, 6)
		b.change(t, steps[1].id, func(u *ent.RunUpdateOne) { u.SetEpoch(steps[1].epoch + 1) })
		b.change(t, steps[2].id, func(u *ent.RunUpdateOne) { u.SetLeaseOwner("another") })
		b.change(t, steps[3].id, func(u *ent.RunUpdateOne) { u.SetState(enum.RunCancelled).SetLeaseOwner("") })
		_, err := b.db.SQL.Exec("DELETE FROM runs WHERE id = $1", steps[4].id)
		require.NoError(t, err)
		for _, i := range []int{0, 1, 2, 3, 5} {
			b.change(t, steps[i].id, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(1) })
		}
		hands.Beat()
		for i, s := range steps {
			require.Equal(t, i >= 1 && i <= 3, run.Lost(s.ctx), i)
			require.Equal(t, i == 4, run.Gone(s.ctx), i)
			if i != 4 {
				require.Equal(t, i == 0 || i == 5, b.leaseUntil(t, s.id) > 1, "%d: only what is still this worker's is renewed", i)
			}
		}
	})
}

// A worker that takes a run again, while its own earlier step on it ends, renews the
// newer lease only.
func TestABeatTellsAWorkersOwnLeasesApart(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		earlier := b.take(t, hands, 1)[0]
		b.change(t, earlier.id, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(1) })
		require.NoError(t, hands.Sweep())
		require.True(t, run.Lost(earlier.ctx), "who takes a run over cuts its own step on it")
		c, err := hands.Claim(earlier.id)
		require.NoError(t, err)
		later, release := hands.Hold(c)
		defer release()
		hands.Beat()
		require.NoError(t, later.Err())
		require.Equal(t, 2, hands.Stats().Held)
	})
}

func TestARowThatIsLockedKeepsNoOtherLeaseWaiting(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		if !storetest.IsPostgres(b.db) {
			return // SQLite locks no rows
		}
		hands := run.ByHand(b.engine)
		steps := b.take(t, hands, 3)
		err := b.db.InTx(storetest.Unchecked(context.Background()), func(ctx context.Context, tx *store.Tx) error {
			storetest.Linger(t, tx)
			// As a step's own transaction does behind its fence.
			if err := tx.Ent.Run.Update().Where(entrun.ID(steps[1].id)).SetInputTokens(1).Exec(ctx); err != nil {
				return err
			}
			for _, i := range []int{0, 2} {
				b.change(t, steps[i].id, func(u *ent.RunUpdateOne) { u.SetLeaseUntil(1) })
			}
			hands.Age(time.Hour)
			hands.Beat()
			return nil
		})
		require.NoError(t, err)
		for _, s := range steps {
			require.NoError(t, s.ctx.Err())
			require.Greater(t, b.leaseUntil(t, s.id), int64(1))
		}
	})
}

func TestALeaseThatCannotBeRenewedForATermIsGivenUp(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		steps := b.take(t, hands, 2)
		mend := b.refuse(t, "UPDATE", "runs", "NEW.lease_until <> OLD.lease_until")
		hands.Age(0)
		hands.Beat()
		for _, s := range steps {
			require.NoError(t, s.ctx.Err(), "one beat that fails is no reason")
		}
		hands.Age(time.Hour)
		hands.Beat()
		for _, s := range steps {
			require.True(t, run.Lost(s.ctx))
		}
		mend()
	})
}
