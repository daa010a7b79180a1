package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// refuse makes the database fail, for no reason that it tells, what changes table
// where condition holds, until mend is called.
func (b *testBundle) refuse(t *testing.T, action, table, condition string) (mend func()) {
	t.Helper()
	exec := func(statements ...string) {
		for _, s := range statements {
			_, err := b.db.SQL.Exec(s)
			require.NoError(t, err, s)
		}
	}
	if storetest.IsPostgres(b.db) {
		exec(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'could not write'; END $$`,
			"CREATE TRIGGER broken BEFORE "+action+" ON "+table+" FOR EACH ROW WHEN ("+condition+") EXECUTE FUNCTION broken()")
		return func() { exec("DROP TRIGGER broken ON " + table) }
	}
	exec("CREATE TRIGGER broken BEFORE " + action + " ON " + table + " WHEN " + condition +
		" BEGIN SELECT RAISE(ABORT, 'could not write'); END")
	return func() { exec("DROP TRIGGER broken") }
}

func always(text string) func() []llmtest.Script {
	return func() []llmtest.Script {
		return []llmtest.Script{llmtest.Func(func(llmtest.Request) llmtest.Reply { return llmtest.Reply{llmtest.Say(text)} })}
	}
}

func TestTheLastAnswerAndTheEndOfItsRunAreWrittenTogether(t *testing.T) {
	t.Parallel()
	each(t, always("done"), func(t *testing.T, b *testBundle) {
		mend := b.refuse(t, "UPDATE", "runs", "NEW.state = 'SUCCEEDED'")
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Eventually(t, func() bool {
			var err error
			r, err = b.db.Ent.Run.Get(b.ctx, r.ID)
			return err == nil && r.Takeovers > 0
		}, time.Minute, 5*time.Millisecond)
		for _, m := range b.answers(t, r.ID) {
			require.NotEqual(t, enum.MessageComplete, m.Status, "the answer is whole and its run goes on")
		}
		mend()
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		answers := b.answers(t, r.ID)
		require.Greater(t, len(answers), 1)
		for i, m := range answers {
			want := enum.MessageInterrupted
			if i == len(answers)-1 {
				want = enum.MessageComplete
			}
			require.Equal(t, want, m.Status)
			require.Equal(t, "done", m.Text)
		}
	})
}

func TestAnAnswerThatIsCutShortEndsItsRunWithIt(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{llmtest.Reply{llmtest.Say("half"), list(), llmtest.Stop("length")}}
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		r = b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, r.State)
		require.Contains(t, r.Error, "output limit")
		require.Len(t, b.answers(t, r.ID), 1)
		require.Len(t, b.model.Requests(), 1)
	})
}

func TestAFailureOfTheDatabaseIsNotTheRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ action, table, condition string }{
		"begin a message": {"INSERT", "messages", "NEW.role = 'ASSISTANT'"},
		"write text":      {"INSERT", "events", "NEW.type = 'MESSAGE_DELTA'"},
		"plan a call":     {"INSERT", "tool_calls", "NEW.position = 0"},
		"end a call":      {"UPDATE", "tool_calls", "NEW.state = 'DONE'"},
		"end a step":      {"UPDATE", "runs", "NEW.step > OLD.step"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func() []llmtest.Script {
				return []llmtest.Script{llmtest.Func(func(q llmtest.Request) llmtest.Reply {
					if len(q.Messages) > 1 {
						return llmtest.Reply{llmtest.Say("done")}
					}
					return llmtest.Reply{llmtest.Say("I look"), list()}
				})}
			}, func(t *testing.T, b *testBundle) {
				mend := b.refuse(t, c.action, c.table, c.condition)
				_, r := b.send(t, conversation.SendInput{Text: "hello"})
				require.Eventually(t, func() bool {
					now, err := b.db.Ent.Run.Get(b.ctx, r.ID)
					return err == nil && now.Takeovers > 0
				}, time.Minute, 5*time.Millisecond)
				mend()
				require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
			})
		})
	}
}

func TestARunThatFailsWhoeverTriesEndsAtLast(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.refuse(t, "INSERT", "messages", "NEW.role = 'ASSISTANT'")
		b.model.Add(always("hello")()...)
		r := storetest.Run(t, b.db, b.project, enum.RunQueued)
		require.NoError(t, b.db.Ent.Run.UpdateOneID(r.ID).SetTakeovers(8).Exec(storetest.Unchecked(context.Background())))
		b.start(t, run.Options{})
		r = b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, r.State)
		require.Contains(t, r.Error, "ten times in a row")
		require.Len(t, b.model.Requests(), 2)
	})
}

func TestWhatNoOtherWorkerCanMendFailsAtOnce(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		r := storetest.Run(t, b.db, b.project, enum.RunQueued)
		_, err := b.db.SQL.Exec("UPDATE agents SET slug = 'gone-' || slug")
		require.NoError(t, err)
		b.start(t, run.Options{})
		r = b.await(t, r.ID)
		require.Equal(t, enum.RunFailed, r.State)
		require.Contains(t, r.Error, "internal error")
		require.Zero(t, r.Takeovers)
	})
}

func TestARunThatRestsCanBeCancelled(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.refuse(t, "INSERT", "messages", "NEW.role = 'ASSISTANT'")
		b.model.Add(always("hello")()...)
		r := storetest.Run(t, b.db, b.project, enum.RunQueued)
		require.NoError(t, b.db.Ent.Run.UpdateOneID(r.ID).SetTakeovers(7).Exec(storetest.Unchecked(context.Background())))
		b.start(t, run.Options{})
		require.Eventually(t, func() bool { return len(b.model.Requests()) > 0 }, time.Minute, 5*time.Millisecond)
		_, err := b.engine.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		r = b.await(t, r.ID)
		require.Equal(t, enum.RunCancelled, r.State)
		require.Contains(t, []int{7, 8, 9}, r.Takeovers, "8 and 9 on a slow machine: it has failed meanwhile")
	})
}

// fill makes the disk too full for text that streams in, until free is called; there
// is room for the few rows of a claim.
func (b *testBundle) fill(t *testing.T) (free func()) {
	t.Helper()
	exec := func(statement string) {
		_, err := b.db.SQL.Exec(statement)
		require.NoError(t, err, statement)
	}
	if storetest.IsPostgres(b.db) {
		exec(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`)
		exec("CREATE TRIGGER full_disk BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.type = 'MESSAGE_DELTA') EXECUTE FUNCTION full_disk()")
		return func() { exec("DROP TRIGGER full_disk ON events") }
	}
	storetest.Bound(t, b.db, 100)
	exec("CREATE TABLE ballast (bytes BLOB)")
	exec(`CREATE TRIGGER full_disk BEFORE INSERT ON events WHEN NEW.type = 'MESSAGE_DELTA'
		BEGIN INSERT INTO ballast VALUES (zeroblob(1 << 20)); END`)
	return func() { exec("DROP TRIGGER full_disk") }
}

func TestAFullDiskIsNotTheRunsFault(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.model.Add(always("hello")()...)
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		b.change(t, r.ID, func(u *ent.RunUpdateOne) { u.SetTakeovers(8) })
		free := b.fill(t)
		b.start(t, run.Options{})
		require.Eventually(t, func() bool { return len(b.model.Requests()) > 1 }, time.Minute, 5*time.Millisecond)
		tried, err := b.db.Ent.Run.Get(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunRunning, tried.State)
		require.LessOrEqual(t, tried.Takeovers, 8)
		free()
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
	})
}
