package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// A command is run once more where the rules allow it as they are now, and not by what
// people allowed for one call or one run.
func TestACommandIsRepeatedAsTheRulesAreNow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := storetest.Unchecked(t.Context())
		const input = `{"shell":"make test"}`
		project := storetest.Project(t, db, storetest.User(t, db, "ada@example.com"), "Site")
		r := storetest.Run(t, db, project, enum.RunSucceeded)
		answer, err := db.Ent.Message.Create().SetConversationID(r.ConversationID).SetProjectID(project.ID).SetRunID(r.ID).SetRole(enum.RoleAssistant).
			SetStatus(enum.MessageComplete).SetText("").SetPosition(1).Save(ctx)
		require.NoError(t, err)
		// Of two calls alike, people were asked about the first.
		var calls []string
		for i := range 2 {
			call, err := db.Ent.ToolCall.Create().SetProjectID(project.ID).SetRunID(r.ID).SetMessageID(answer.ID).SetPosition(i).SetCallID("c").
				SetName("run_command").SetInput(input).SetState(enum.ToolCallDone).Save(ctx)
			require.NoError(t, err)
			calls = append(calls, call.ID)
		}
		key := tools.CallOf(tools.Find("run_command"), "", []byte(input)).Key()
		approved, err := db.Ent.Approval.Create().SetProjectID(project.ID).SetRunID(r.ID).SetToolCallID(calls[0]).SetAgentID(r.AgentID).SetClass(enum.CallExecutes).
			SetRisk(enum.RiskLow).SetTool("run_command").SetShown("make test").SetRule("ask execute").SetSubject(key).SetExpiresAt(store.Now()).
			SetState(enum.ApprovalApproved).Save(ctx)
		require.NoError(t, err)

		for _, c := range []struct {
			rule     string
			remember enum.ApprovalScope
			again    bool
		}{
			{"allow execute", enum.ApprovedOnce, true},
			{"ask execute", enum.ApprovedOnce, false},
			{"ask execute", enum.ApprovedRun, false},
			{"ask execute", enum.ApprovedProject, true},
			{"deny execute", enum.ApprovedProject, false},
		} {
			rule, err := policy.ParseRule(c.rule)
			require.NoError(t, err)
			s := New(Options{DB: db, Permissions: permission.New(permission.Options{DB: db, Rules: []policy.Rule{rule}})})
			require.NoError(t, approved.Update().SetRemember(c.remember).Exec(ctx))
			for _, id := range calls {
				ran, err := db.Ent.Command.Create().SetProjectID(project.ID).SetUserID(r.UserID).SetRunID(r.ID).SetToolCallID(id).SetBranch("x").SetShell("make test").
					SetTimeoutMs(1).SetState(enum.CommandExited).Save(ctx)
				require.NoError(t, err)
				again, err := s.mayRepeat(ctx, db.Ent, ran)
				require.NoError(t, err)
				require.Equal(t, c.again, again, "%s, approved for %s", c.rule, c.remember)
				require.NoError(t, db.Ent.Command.DeleteOne(ran).Exec(ctx))
			}
		}
	})
}
