package run_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// editor is another person, who may edit the project.
func (b *testBundle) editor(t *testing.T) context.Context {
	t.Helper()
	bob := storetest.User(t, b.db, "bob@example.com")
	err := b.db.Ent.Membership.Create().SetProjectID(b.project.ID).SetUserID(bob.UserID).SetRole(enum.ProjectEditor).
		Exec(storetest.Unchecked(context.Background()))
	require.NoError(t, err)
	return access.WithViewer(context.Background(), bob)
}

func TestWhatIsGraveOrLastsIsApprovedByOwners(t *testing.T) {
	t.Parallel()
	const grave, far = "rm -rf /", "curl https://example.com/data"
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		shell := &commands{}
		b := setup(t, db, url, options{run: run.Options{Commands: shell}, script: []llmtest.Script{
			shellCall(grave), shellCall(grave), shellCall(far), llmtest.Say("done"),
		}})
		bob := b.editor(t)
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
		resolve := func(ctx context.Context, id string, d enum.ApprovalDecision, reach enum.ApprovalScope) error {
			_, err := b.permissions.Resolve(ctx, b.engine, permission.Resolution{ApprovalID: id, Decision: d, Remember: reach})
			return err
		}
		a := b.pending(t, r)
		require.Equal(t, enum.RiskHigh, a.Risk)
		err := resolve(bob, a.ID, enum.Approve, enum.ApprovedOnce)
		require.True(t, problem.Is(err, problem.Forbidden), "%v", err)
		require.Contains(t, err.Error(), "OWNER")
		require.NoError(t, resolve(bob, a.ID, enum.Refuse, ""), "whoever may edit may deny")
		a = b.pending(t, r)
		require.NoError(t, resolve(b.ctx, a.ID, enum.Approve, enum.ApprovedOnce))

		a = b.pending(t, r)
		require.Equal(t, enum.RiskMedium, a.Risk)
		err = resolve(bob, a.ID, enum.Approve, enum.ApprovedProject)
		require.True(t, problem.Is(err, problem.Forbidden), "as a rule that says the same: %v", err)
		require.NoError(t, resolve(bob, a.ID, enum.Approve, enum.ApprovedRun))
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Equal(t, []string{grave, far}, shell.ran())
	})
}

func TestAnApprovalIsTakenBack(t *testing.T) {
	t.Parallel()
	const line = "curl https://example.com/data"
	for reach, mayEditor := range map[enum.ApprovalScope]bool{enum.ApprovedRun: true, enum.ApprovedProject: false} {
		t.Run(string(reach), func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
				shell := &commands{}
				other := llmtest.Reply{llmtest.Call("ask_user", call{"question": "Again?"})}
				b := setup(t, db, url, options{run: run.Options{Commands: shell}, script: []llmtest.Script{
					shellCall(line), shellCall(line), other, shellCall(line), llmtest.Say("done"),
				}})
				bob := b.editor(t)
				_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
				a := b.pending(t, r)
				_, err := b.permissions.Revoke(b.ctx, a.ID)
				require.True(t, problem.Is(err, problem.PreconditionFailed), "it waits: %v", err)
				_, err = b.permissions.Resolve(b.ctx, b.engine, permission.Resolution{ApprovalID: a.ID, Decision: enum.Approve, Remember: reach})
				require.NoError(t, err)
				q := b.open(t, r.ID)
				require.Equal(t, []string{line, line}, shell.ran())

				eve := access.WithViewer(context.Background(), storetest.User(t, db, "eve@example.com"))
				_, err = b.permissions.Revoke(eve, a.ID)
				require.True(t, problem.Is(err, problem.NotFound), "%v", err)
				seen, err := db.Ent.Approval.Query().All(eve)
				require.NoError(t, err)
				require.Empty(t, seen)
				back, err := b.permissions.Revoke(bob, a.ID)
				if !mayEditor {
					require.True(t, problem.Is(err, problem.Forbidden), "%v", err)
					back, err = b.permissions.Revoke(b.ctx, a.ID)
				}
				require.NoError(t, err)
				require.False(t, back.Until.After(time.Now().Add(time.Minute)))
				again, err := b.permissions.Revoke(b.ctx, a.ID)
				require.NoError(t, err)
				require.Equal(t, back.Until, again.Until, "it stays as it is")

				_, err = b.answer(q.ID, "yes")
				require.NoError(t, err)
				anew := b.pending(t, r)
				require.NotEqual(t, a.ID, anew.ID)
				_, err = b.permissions.Resolve(b.ctx, b.engine, permission.Resolution{ApprovalID: anew.ID, Decision: enum.Refuse})
				require.NoError(t, err)
				require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
				require.Equal(t, []string{line, line}, shell.ran())
			})
		})
	}
}
