package run_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
)

// remove deletes the project as its owner does, with what knows of its runs. What is
// returned removes what it held.
func (b *testBundle) remove(t *testing.T, runs project.Runs, id string) (sweep func()) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	projects := project.New(b.db, stream.NewLog(b.db, memory.New(), quiet), b.files, runs)
	require.NoError(t, projects.Delete(b.ctx, id))
	return func() {
		t.Helper()
		require.NoError(t, project.NewSweeper(projects, quiet).Sweep(access.As(context.Background(), access.Maintenance)))
	}
}

// unended counts the project's runs that somebody could still work on.
func (b *testBundle) unended(t *testing.T, id string) int {
	t.Helper()
	n, err := b.db.Ent.Run.Query().Where(entrun.ProjectID(id),
		entrun.Or(entrun.StateNotIn(enum.RunSucceeded, enum.RunFailed, enum.RunCancelled), entrun.StepUntilGT(0))).
		Count(storetest.Unchecked(context.Background()))
	require.NoError(t, err)
	return n
}

func TestDeletingAProjectEndsWhatAgentsDoInIt(t *testing.T) {
	t.Parallel()
	for name, here := range map[string]bool{"in this process": true, "in another": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func() []llmtest.Script {
				return []llmtest.Script{llmtest.Reply{llmtest.Say("on and on"), llmtest.Hang()}}
			}, func(t *testing.T, b *testBundle) {
				by := b.engine
				if !here { // one that knows nothing of the first one's memory
					by, _ = b.worker(t, options{idle: true})
				}
				m, r := b.send(t, conversation.SendInput{Text: "hello"})
				b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "and then"})
				b.untilSaid(t, r.ID)
				sweep := b.remove(t, by, b.project.ID)
				require.Zero(t, b.unended(t, b.project.ID))
				require.Eventually(t, func() bool { return b.engine.Stats().Held == 0 }, time.Minute, 5*time.Millisecond)

				other := storetest.Project(t, b.db, b.owner, "Another")
				b.model.Add(llmtest.Reply{llmtest.Say("hello")})
				_, next, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: other.ID, Text: "hello"})
				require.NoError(t, err)
				b.await(t, next.ID)
				require.Len(t, b.model.Requests(), 2, "the queued run asked nothing")
				sweep()
				for _, table := range []string{"runs", "messages", "events", "tool_calls", "conversations", "streams", "memberships"} {
					column := "project_id"
					switch table {
					case "events":
						column = "stream_id"
					case "streams":
						column = "id"
					}
					var n int
					require.NoError(t, b.db.SQL.QueryRow("SELECT count(*) FROM "+table+" WHERE "+column+" = $1", b.project.ID).Scan(&n))
					require.Zero(t, n, table)
				}
				require.Zero(t, b.engine.Stats().LeasesLost)
			})
		})
	}
}

// While projects are deleted others claim, send and end: no run is left, none is
// claimed of a project that is gone, and nobody's transaction fails.
func TestDeletingProjectsAmongClaims(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		second, _ := b.worker(t, options{idle: true})
		for range 5 {
			p := storetest.Project(t, b.db, b.owner, "Doomed")
			for range 6 {
				_, _, err := b.talk.Send(b.ctx, conversation.SendInput{ProjectID: p.ID, Text: "hello"})
				require.NoError(t, err)
			}
			var group sync.WaitGroup
			for _, engine := range []*run.Engine{b.engine, second} {
				group.Go(func() {
					hands := run.ByHand(engine)
					for {
						c, err := hands.Next()
						if waitedInVain(err) {
							continue // for the deletion
						}
						if err != nil {
							t.Error(err)
						}
						if c == nil {
							return
						}
						if err := hands.Step(c); err != nil && !run.Refused(err) {
							t.Error(err)
						}
						if err := hands.Finish(c, true); err != nil && !run.Refused(err) {
							t.Error(err)
						}
					}
				})
			}
			var sweep func()
			group.Go(func() { sweep = b.remove(t, b.engine, p.ID) })
			group.Wait()
			require.Zero(t, b.unended(t, p.ID))
			sweep()
			n, err := b.db.Ent.Run.Query().Where(entrun.ProjectID(p.ID)).Count(storetest.Unchecked(context.Background()))
			require.NoError(t, err)
			require.Zero(t, n)
		}
	})
}
