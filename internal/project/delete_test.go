package project_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entmessage "github.com/zeblit/zeblit/ent/message"
	entproject "github.com/zeblit/zeblit/ent/project"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/workspace"
)

// much is how many messages, and as many events, a large project of a test has.
const much = 1500

type testBundle struct {
	db       *store.DB
	log      *stream.Log
	hub      *stream.Hub
	projects *project.Service
	ada      access.Viewer
	ctx      context.Context // ada's
	all      context.Context // past the policy
	sweeps   context.Context // as a Sweeper's Run
}

func setup(t *testing.T, db *store.DB, url string) *testBundle {
	quiet := slog.New(slog.DiscardHandler)
	queue, err := run.NewQueue(t.Context(), db, url, quiet)
	require.NoError(t, err)
	t.Cleanup(queue.Close)
	carrier := memory.New()
	b := &testBundle{db: db, log: stream.NewLog(db, carrier, quiet), ada: storetest.User(t, db, "ada@example.com"), all: storetest.Unchecked(t.Context())}
	b.hub = stream.NewHub(b.log, carrier, quiet)
	b.projects = project.New(db, b.log, workspace.New(db, b.log), run.NewControl(b.log, queue))
	b.ctx, b.sweeps = access.WithViewer(t.Context(), b.ada), access.As(t.Context(), access.Maintenance)
	return b
}

func (b *testBundle) sweeper() *project.Sweeper {
	return project.NewSweeper(b.projects, slog.New(slog.DiscardHandler))
}

func (b *testBundle) handle(t *testing.T, id string) access.StreamHandle {
	t.Helper()
	h, err := access.StreamWriter(b.ctx, b.db.Ent, id)
	require.NoError(t, err)
	return h
}

// say appends an event to the log that h opens.
func (b *testBundle) say(h access.StreamHandle, p *ent.Project, times int) error {
	return b.db.InTx(b.ctx, func(_ context.Context, tx *store.Tx) error {
		for range times {
			b.log.Append(tx, h, stream.Draft{Type: enum.EventProjectUpdated, Payload: stream.ProjectPayload{V: 1, Project: p}})
		}
		return nil
	})
}

// large makes a project with a run that has ended, one that waits, n messages and events,
// files, and what a call of a model has cost.
func (b *testBundle) large(t *testing.T, name string, n int) *ent.Project {
	t.Helper()
	p, err := b.projects.Create(b.ctx, project.CreateInput{Name: name, Template: "static"})
	require.NoError(t, err)
	ended := storetest.Run(t, b.db, p, enum.RunSucceeded)
	storetest.Run(t, b.db, p, enum.RunQueued)
	creates := make([]*ent.MessageCreate, n)
	for i := range creates {
		creates[i] = b.db.Ent.Message.Create().SetConversationID(ended.ConversationID).SetProjectID(p.ID).SetRunID(ended.ID).
			SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText("word").SetPosition(i + 1)
	}
	require.NoError(t, b.db.Ent.Message.CreateBulk(creates...).Exec(b.all))
	require.NoError(t, b.say(b.handle(t, p.ID), p, n))
	budget := b.db.Ent.Budget.Create().SetScope(enum.BudgetProject).SetPeriod(enum.PeriodRun).SetSubject(p.ID).SetProjectID(p.ID).SetLimitNano(1).SaveX(b.all)
	for i := range 30 {
		require.NoError(t, b.db.Ent.Spending.Create().SetBudgetID(budget.ID).SetPeriod(fmt.Sprint("run", i)).SetSpent(1).Exec(b.all))
	}
	require.NoError(t, b.db.Ent.UsageRecord.Create().SetOrganisationID(p.OrganisationID).SetProjectID(p.ID).SetRunID(ended.ID).
		SetRootRunID(ended.ID).SetAgentID(ended.AgentID).SetUserID(b.ada.UserID).SetStep(0).SetAttempt(1).
		SetProvider("p").SetModel("m").SetCost(7).SetOutcome(enum.CallOK).Exec(b.all))
	return p
}

// held counts the rows of each table that belong to a project.
func (b *testBundle) held(t *testing.T, id string) map[string]int {
	t.Helper()
	out := map[string]int{}
	tables := project.Parts()
	tables["projects"], tables["streams"], tables["usage_records"] = "id = $1", "id = $1", "project_id = $1"
	for table, where := range tables {
		var n int
		require.NoError(t, b.db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table+" WHERE "+where, id).Scan(&n))
		if n > 0 {
			out[table] = n
		}
	}
	return out
}

func sum(held map[string]int) (n int) {
	for _, rows := range held {
		n += rows
	}
	return n
}

func TestADeletedProjectIsOutOfSightAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url)
		p := b.large(t, "Large", much)
		h := b.handle(t, p.ID)
		reader, err := b.hub.Follow(b.ctx, h, stream.FromNow)
		require.NoError(t, err)
		defer reader.Close()
		before := b.held(t, p.ID)
		for _, table := range []string{"messages", "events", "runs", "conversations", "git_objects", "git_refs", "memberships", "spendings"} {
			require.Positive(t, before[table], table)
		}

		require.NoError(t, b.projects.Delete(b.ctx, p.ID))
		after := b.held(t, p.ID)
		require.Equal(t, before["messages"], after["messages"], "that is removed later")
		require.Equal(t, before["events"], after["events"])
		require.Zero(t, after["memberships"])

		_, err = db.Ent.Project.Get(b.ctx, p.ID)
		require.True(t, ent.IsNotFound(err))
		for what, count := range map[string]func(context.Context) (int, error){
			"projects":      db.Ent.Project.Query().Count,
			"messages":      db.Ent.Message.Query().Count,
			"runs":          db.Ent.Run.Query().Count,
			"conversations": db.Ent.Conversation.Query().Count,
			"events":        db.Ent.Event.Query().Count,
			"refs":          db.Ent.GitRef.Query().Count,
		} {
			n, err := count(b.ctx)
			require.NoError(t, err)
			require.Zero(t, n, what)
		}
		_, err = access.StreamReader(b.ctx, db.Ent, p.ID)
		require.True(t, problem.Is(err, problem.NotFound))

		// Neither does who was let in before see or write anything.
		events, err := b.log.Read(b.ctx, h, 0, 10)
		require.NoError(t, err)
		require.Empty(t, events)
		_, _, err = b.log.Head(b.ctx, h)
		require.True(t, problem.Is(err, problem.NotFound))
		require.True(t, problem.Is(b.say(h, p, 1), problem.NotFound))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = reader.Next(ctx)
		require.True(t, problem.Is(err, problem.NotFound), "%v", err)

		waiting, err := db.Ent.Run.Query().Where(entrun.ProjectID(p.ID), entrun.StateNEQ(enum.RunSucceeded)).Only(b.all)
		require.NoError(t, err)
		require.Equal(t, enum.RunCancelled, waiting.State)
		require.Positive(t, waiting.Epoch, "what its worker still says is stale")

		never := b.projects.Delete(b.ctx, "prj_00000000000000000000000000")
		require.True(t, problem.Is(never, problem.NotFound))
		require.Equal(t, never, b.projects.Delete(b.ctx, p.ID))
		_, err = b.projects.Update(b.ctx, project.UpdateInput{ID: p.ID, Name: &p.Name})
		require.Equal(t, never, err)

		require.NoError(t, b.sweeper().Sweep(b.sweeps))
		require.Equal(t, map[string]int{"usage_records": 1}, b.held(t, p.ID), "what was spent stays known")
		require.Equal(t, never, b.projects.Delete(b.ctx, p.ID))
	})
}

func TestADeletionGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url)
		p, other := b.large(t, "Large", much), b.large(t, "Other", 20)
		others, h := b.held(t, other.ID), b.handle(t, other.ID)
		require.NoError(t, b.projects.Delete(b.ctx, p.ID))

		const most = 100
		left := sum(b.held(t, p.ID))
		cuts := 0
		for cut := 1; left > 1; cut += 5 {
			ctx, cancel := context.WithCancel(b.sweeps)
			made := 0
			// Another process each time: nothing that is only in memory counts.
			err := project.NewSweeper(project.New(db, b.log, nil, nil), slog.New(slog.DiscardHandler)).InParts(most, func() {
				now := sum(b.held(t, p.ID))
				require.LessOrEqual(t, left-now, most, "one transaction")
				left = now
				require.NoError(t, b.say(h, other, 1), "nobody has to wait for the rest")
				others["events"]++
				if made++; made == cut {
					cancel()
				}
			}).Sweep(ctx)
			cancel()
			left = sum(b.held(t, p.ID))
			if left > 1 {
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, cut, made)
				cuts++
				continue
			}
			require.NoError(t, err)
		}
		require.Greater(t, cuts, 2, "it was cut in the middle")
		require.Equal(t, map[string]int{"usage_records": 1}, b.held(t, p.ID))
		require.Equal(t, others, b.held(t, other.ID))
		require.NoError(t, b.sweeper().Sweep(b.sweeps), "there is nothing to do")
		require.Equal(t, others, b.held(t, other.ID))
	})
}

// What a transaction that was under way adds to a project that is being removed goes too.
func TestWhatIsAddedLateIsRemovedToo(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url)
		p := b.large(t, "Large", 10)
		require.NoError(t, b.projects.Delete(b.ctx, p.ID))
		added := 0
		require.NoError(t, b.sweeper().InParts(100, func() {
			if added++; added > 40 {
				return
			}
			require.NoError(t, db.Ent.GitRef.Create().SetProjectID(p.ID).SetName(fmt.Sprint("late", added)).SetHash("0").Exec(b.all))
		}).Sweep(b.sweeps))
		require.Positive(t, added)
		require.Equal(t, map[string]int{"usage_records": 1}, b.held(t, p.ID))
	})
}

func TestSweepersOfSeveralNodesDoNoHarm(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url)
		other := b.large(t, "Other", 20)
		others := b.held(t, other.ID)
		var ids []string
		for range 3 {
			p := b.large(t, "Doomed", 200)
			require.NoError(t, b.projects.Delete(b.ctx, p.ID))
			ids = append(ids, p.ID)
		}
		var nodes sync.WaitGroup
		failed := make([]error, 3)
		for i := range failed {
			nodes.Go(func() { failed[i] = b.sweeper().InParts(20, nil).Sweep(b.sweeps) })
		}
		nodes.Wait()
		for _, err := range failed {
			require.NoError(t, err)
		}
		require.NoError(t, b.sweeper().Sweep(b.sweeps)) // what each left to the others
		for _, id := range ids {
			require.Equal(t, map[string]int{"usage_records": 1}, b.held(t, id))
		}
		require.Equal(t, others, b.held(t, other.ID))
	})
}

// A process that starts removes what another had deleted that died, and what it deletes
// itself.
func TestASweeperFindsWhatIsToBeRemoved(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url)
		first, second := b.large(t, "First", 10), b.large(t, "Second", 10)
		require.NoError(t, project.New(db, b.log, nil, runs{}).Delete(b.ctx, first.ID))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		running.Go(func() { _ = b.sweeper().Run(ctx) })
		gone := func(id string) func() bool {
			return func() bool {
				there, err := db.Ent.Project.Query().Where(entproject.ID(id)).Exist(b.all)
				return err == nil && !there
			}
		}
		require.Eventually(t, gone(first.ID), time.Minute, 5*time.Millisecond)
		require.NoError(t, b.projects.Delete(b.ctx, second.ID))
		require.Eventually(t, gone(second.ID), 20*time.Second, 5*time.Millisecond, "it is told, and doesn't wait for the next look")
		n, err := db.Ent.Message.Query().Where(entmessage.ProjectIDIn(first.ID, second.ID)).Count(b.all)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// runs is of who has none to end.
type runs struct{}

func (runs) Abandon(context.Context, *store.Tx, string) error { return nil }
