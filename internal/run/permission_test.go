package run_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/approval"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/command"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// commands notes the lines that were run, and runs none.
type commands struct {
	mu    sync.Mutex
	lines []string
	out   string // what each prints
}

func (c *commands) print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = text
}

func (c *commands) RunFor(_ context.Context, _ command.Call, in command.Input) (*ent.Command, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, in.Shell)
	return &ent.Command{State: enum.CommandExited}, nil
}

func (c *commands) ran() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.lines...)
}

func (c *commands) InProject(context.Context, string, string) (*ent.Command, error) {
	return nil, problem.Missing("command_id", "command")
}
func (c *commands) List(context.Context, string, int) ([]*ent.Command, error) { return nil, nil }
func (c *commands) Told(context.Context, *ent.Command, int) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out, nil
}
func (c *commands) Signal(context.Context, string, enum.Signal) (*ent.Command, error) {
	return nil, problem.Missing("command_id", "command")
}

func rules(t *testing.T, texts ...string) []policy.Rule {
	t.Helper()
	var out []policy.Rule
	for _, text := range texts {
		r, err := policy.ParseRule(text)
		require.NoError(t, err)
		out = append(out, r)
	}
	return out
}

func shellCall(line string) llmtest.Reply {
	return llmtest.Reply{llmtest.Call("run_command", call{"shell": line})}
}

// pending waits until the run asks, and returns the question.
func (b *testBundle) pending(t *testing.T, r *ent.Run) *ent.Approval {
	t.Helper()
	parked := b.untilState(t, r.ID, enum.RunWaitingForApproval)
	require.Empty(t, parked.LeaseOwner, "waiting costs no worker")
	a, err := b.db.Ent.Approval.Query().Where(approval.RunID(r.ID), approval.StateEQ(enum.ApprovalPending)).Only(b.ctx)
	require.NoError(t, err)
	return a
}

func TestWhatIsApprovedIsMadeOnce(t *testing.T) {
	t.Parallel()
	const line = "curl https://example.com/data"
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		shell := &commands{}
		b := setup(t, db, url, options{run: run.Options{Commands: shell}, script: []llmtest.Script{
			shellCall(line), shellCall(line), shellCall("curl https://example.com/other"), llmtest.Say("done"),
		}})
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
		a := b.pending(t, r)
		require.Equal(t, []any{line, enum.CallNetwork, enum.RiskMedium, "run_command"}, []any{a.Shown, a.Class, a.Risk, a.Tool})
		require.Contains(t, a.Rule, "ask network")
		require.Empty(t, shell.ran())

		eve := access.WithViewer(context.Background(), storetest.User(t, db, "eve@example.com"))
		_, err := b.permissions.Resolve(eve, b.engine, permission.Resolution{ApprovalID: a.ID, Decision: enum.Approve})
		require.True(t, problem.Is(err, problem.NotFound))
		robot := access.WithViewer(context.Background(), access.Viewer{UserID: b.owner.UserID, Agent: "engineer"})
		_, err = b.permissions.Resolve(robot, b.engine, permission.Resolution{ApprovalID: a.ID, Decision: enum.Approve})
		require.True(t, problem.Is(err, problem.Forbidden), "an agent approves nothing")

		yes := permission.Resolution{ApprovalID: a.ID, Decision: enum.Approve, Remember: enum.ApprovedRun}
		for range 2 {
			done, err := b.permissions.Resolve(b.ctx, b.engine, yes)
			require.NoError(t, err)
			require.Equal(t, enum.ApprovalApproved, done.State)
			require.Equal(t, b.owner.UserID, *done.DecidedByID)
		}
		_, err = b.permissions.Resolve(b.ctx, b.engine, permission.Resolution{ApprovalID: a.ID, Decision: enum.Refuse})
		require.True(t, problem.Is(err, problem.Conflict))
		require.Contains(t, err.Error(), "approved already")

		other := b.pending(t, r) // the same line again was covered, another isn't
		require.Equal(t, []string{line, line}, shell.ran())
		_, err = b.permissions.Resolve(b.ctx, b.engine, permission.Resolution{ApprovalID: other.ID, Decision: enum.Refuse, Comment: "use the file"})
		require.NoError(t, err)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Equal(t, []string{line, line}, shell.ran())
		denied, err := db.Ent.ToolCall.Get(b.ctx, other.ToolCallID)
		require.NoError(t, err)
		require.Equal(t, enum.ToolCallFailed, denied.State)
		require.Contains(t, denied.Output, "use the file")
	})
}

func TestAQuestionThatNobodyAnswersIsDenied(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		shell := &commands{}
		b := setup(t, db, url, options{expiry: time.Millisecond, run: run.Options{Commands: shell}, script: []llmtest.Script{shellCall("rm -rf /"), llmtest.Say("done")}})
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		a, err := db.Ent.Approval.Query().Where(approval.RunID(r.ID)).Only(b.ctx)
		require.NoError(t, err)
		require.Equal(t, []any{enum.ApprovalExpired, enum.RiskHigh}, []any{a.State, a.Risk})
		_, err = b.permissions.Resolve(b.ctx, b.engine, permission.Resolution{ApprovalID: a.ID, Decision: enum.Approve})
		require.True(t, problem.Is(err, problem.Conflict))
		require.Empty(t, shell.ran())
	})
}

func TestTheEndOfARunCancelsItsQuestions(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url, options{run: run.Options{Commands: &commands{}}, script: []llmtest.Script{shellCall("git push --force")}})
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
		a := b.pending(t, r)
		_, err := b.engine.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		a, err = db.Ent.Approval.Get(b.ctx, a.ID)
		require.NoError(t, err)
		require.Equal(t, enum.ApprovalCancelled, a.State)
		_, err = b.permissions.Resolve(b.ctx, b.engine, permission.Resolution{ApprovalID: a.ID, Decision: enum.Approve})
		require.True(t, problem.Is(err, problem.Conflict))
	})
}

func TestADenialNamesItsRule(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url, options{rules: rules(t, "deny write path=.github/**"), script: []llmtest.Script{
			llmtest.Reply{llmtest.Call("write_file", call{"path": ".github/workflows/x.yml", "text": "x"})}, llmtest.Say("done"),
		}})
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		call, err := db.Ent.ToolCall.Query().Where(toolcall.RunID(r.ID)).Only(b.ctx)
		require.NoError(t, err)
		require.Equal(t, enum.ToolCallFailed, call.State)
		require.Contains(t, call.Output, "deny write path=.github/**")
		_, err = b.files.File(b.ctx, b.project.ID, ".github/workflows/x.yml", "")
		require.True(t, problem.Is(err, problem.NotFound))
	})
}

func TestAFileThatIsAskedAboutIsShownAsADiff(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB, url string) {
		b := setup(t, db, url, options{rules: rules(t, "ask write path=.env"), script: []llmtest.Script{
			llmtest.Reply{llmtest.Call("write_file", call{"path": ".env", "text": "KEY=1\n"})}, llmtest.Say("done"),
		}})
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "hello"})
		a := b.pending(t, r)
		require.Equal(t, "--- /dev/null\n+++ b/.env\n@@ -0,0 +1 @@\n+KEY=1\n", a.Shown)
		_, err := b.permissions.Resolve(b.ctx, b.engine, permission.Resolution{ApprovalID: a.ID, Decision: enum.Approve})
		require.NoError(t, err)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		f, err := b.files.File(b.ctx, b.project.ID, ".env", "")
		require.NoError(t, err)
		require.Equal(t, "KEY=1\n", strings.TrimLeft(*f.Text, " "))
	})
}
