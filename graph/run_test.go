package graph_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// runs notes what is asked of it and answers with the run as it is.
type runs struct {
	graph.Runs
	db    *store.DB
	asked []string
}

func (r *runs) Pause(ctx context.Context, id string) (*ent.Run, error) {
	r.asked = append(r.asked, "pause")
	return r.db.Ent.Run.Get(ctx, id)
}

func (r *runs) Resume(ctx context.Context, id string) (*ent.Run, error) {
	r.asked = append(r.asked, "resume")
	return nil, problem.New(problem.Conflict, "the run is SUCCEEDED: only one that is PAUSED can go on")
}

func (r *runs) Retry(ctx context.Context, in run.RetryInput) (*ent.Run, error) {
	r.asked = append(r.asked, "retry "+in.IdempotencyKey)
	return r.db.Ent.Run.Get(ctx, in.RunID)
}

func TestARunIsPausedResumedAndRetried(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		asked := &runs{db: db}
		b.exec = graph.NewExecutor(graph.Deps{DB: db, Runs: asked})
		alice, eve := storetest.User(t, db, "alice@example.com"), storetest.User(t, db, "eve@example.com")
		p := storetest.Project(t, db, alice, "P")
		first := storetest.Run(t, db, p, enum.RunFailed)
		unchecked := storetest.Unchecked(context.Background())
		second, err := db.Ent.Run.Create().SetProjectID(p.ID).SetConversationID(first.ConversationID).SetAgentID(first.AgentID).
			SetUserID(alice.UserID).SetMessageID(first.MessageID).SetState(enum.RunPaused).SetPauseRequested(true).
			SetRetriedFromID(first.ID).SetDeadlineAt(1_800_000_000_123).Save(unchecked)
		require.NoError(t, err)
		v := map[string]any{"r": second.ID}
		data := b.do(as(alice), t, `mutation($r: ID!) { pauseRun(input: {runId: $r}) {
			run { state deadlineAt cancelRequested pauseRequested retriedFrom { id deadlineAt retriedFrom { id } } } } }`, v)
		require.Equal(t, map[string]any{
			"state": "PAUSED", "deadlineAt": "2027-01-15T08:00:00.123000Z", "cancelRequested": false, "pauseRequested": true,
			"retriedFrom": map[string]any{"id": first.ID, "deadlineAt": nil, "retriedFrom": nil},
		}, data["pauseRun"].(map[string]any)["run"])
		b.do(as(alice), t, `mutation($r: ID!) { retryRun(input: {runId: $r, idempotencyKey: "k"}) { run { id } } }`, v)
		_, extensions := b.try(as(alice), t, `mutation($r: ID!) { resumeRun(input: {runId: $r}) { run { id } } }`, v)
		require.Equal(t, "CONFLICT", extensions["code"])
		require.Equal(t, []string{"pause", "retry k", "resume"}, asked.asked)
		for _, who := range []access.Viewer{eve, {UserID: "usr_nobody"}} {
			for _, m := range []string{"pauseRun", "resumeRun", "retryRun"} {
				_, extensions := b.try(as(who), t, `mutation($r: ID!) { `+m+`(input: {runId: $r}) { run { id } } }`, v)
				require.Equal(t, "NOT_FOUND", extensions["code"], m)
			}
		}
		require.Len(t, asked.asked, 3)
	})
}
