package project_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// Whoever looks for work finds none in a deleted project, though its rows are still there,
// and keys that open it are gone.
func TestNobodyGoesOnInADeletedProject(t *testing.T) {
	t.Parallel()
	storetest.EachURL(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url)
		doomed, other := storetest.Project(t, db, b.ada, "Doomed"), storetest.Project(t, db, b.ada, "Other")
		for _, id := range []string{doomed.ID, other.ID} {
			p, err := db.Ent.Project.Get(b.all, id)
			require.NoError(t, err)
			r := storetest.Run(t, db, p, enum.RunQueued)
			m, err := db.Ent.Message.Get(b.all, r.MessageID)
			require.NoError(t, err)
			call, err := db.Ent.ToolCall.Create().SetProjectID(id).SetRunID(r.ID).SetMessageID(m.ID).SetCallID("c").SetName("x").SetInput("{}").
				SetPosition(0).SetState(enum.ToolCallWaiting).Save(b.all)
			require.NoError(t, err)
			for _, exec := range []interface{ ExecX(ctx context.Context) }{
				db.Ent.Plan.Create().SetProjectID(id).SetRunID(r.ID).SetUserID(r.UserID).SetSummary("x").SetState(enum.PlanActive),
				db.Ent.Task.Create().SetProjectID(id).SetAgentID(r.AgentID).SetTitle("x").SetState(enum.TaskInProgress).SetPosition(1),
				db.Ent.Question.Create().SetProjectID(id).SetConversationID(r.ConversationID).SetRunID(r.ID).SetAgentID(r.AgentID).
					SetText("x").SetDeadlineAt(store.Now()).SetState(enum.QuestionOpen),
				db.Ent.Approval.Create().SetProjectID(id).SetRunID(r.ID).SetToolCallID(call.ID).SetAgentID(r.AgentID).SetClass(enum.CallReads).
					SetRisk(enum.RiskLow).SetTool("x").SetShown("x").SetRule("x").SetSubject("x").SetExpiresAt(store.Now()),
				db.Ent.Merge.Create().SetProjectID(id).SetUserID(r.UserID).SetSource("a").SetTarget("main").SetState(enum.MergeQueued),
				db.Ent.Command.Create().SetProjectID(id).SetUserID(r.UserID).SetBranch("main").SetTimeoutMs(1).SetState(enum.CommandQueued),
				db.Ent.Sandbox.Create().SetProjectID(id).SetState(enum.SandboxStopped),
				db.Ent.ConsoleKey.Create().SetProjectID(id).SetKey("key of " + id),
				db.Ent.ProviderKey.Create().SetOrganisationID(p.OrganisationID).SetProjectID(id).SetSubject(id).SetProvider("p").SetCiphertext([]byte("x")),
			} {
				exec.ExecX(b.all)
			}
		}
		open := func(id string) map[string]int {
			out := map[string]int{}
			for table, state := range map[string]string{
				"runs": "'QUEUED'", "plans": "'ACTIVE'", "tasks": "'IN_PROGRESS'", "questions": "'OPEN'", "approvals": "'PENDING'",
				"merges": "'QUEUED'", "commands": "'QUEUED'", "sandboxes": "'STOPPED'",
			} {
				var n int
				require.NoError(t, db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table+" WHERE project_id = $1 AND state = "+state, id).Scan(&n))
				out[table] = n
			}
			held := b.held(t, id)
			for _, table := range []string{"console_keys", "provider_keys", "memberships"} {
				out[table] = held[table]
			}
			return out
		}
		before := open(doomed.ID)
		for table, n := range before {
			require.Equal(t, 1, n, table)
		}
		require.NoError(t, b.projects.Delete(b.ctx, doomed.ID))
		for table, n := range open(doomed.ID) {
			require.Zero(t, n, table)
		}
		require.Equal(t, before, open(other.ID), "another project is left alone")
		require.Equal(t, 1, b.held(t, doomed.ID)["commands"], "that is removed later")
	})
}
