package run_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/workspace"
)

type call = map[string]any

func (b *testBundle) text(t *testing.T, path, ref string) string {
	t.Helper()
	f, err := b.files.File(b.ctx, b.project.ID, path, ref)
	require.NoError(t, err)
	require.NotNil(t, f.Text)
	return *f.Text
}

func TestARunOnItsOwnBranchLeavesMainAlone(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Call("write_file", call{"path": "a.txt", "text": "one"})},
			llmtest.Reply{llmtest.Call("edit_file", call{"path": "a.txt", "old_text": "one", "new_text": "two"}), llmtest.Call("list_files", call{})},
			llmtest.Reply{llmtest.Call("read_file", call{"path": "a.txt"})},
			llmtest.Reply{llmtest.Say("done")},
		}
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "go", OwnBranch: true})
		require.Equal(t, workspace.RunBranch(r.ID), r.Branch)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Equal(t, "two", b.text(t, "a.txt", r.Branch))
		_, err := b.files.File(b.ctx, b.project.ID, "a.txt", "")
		require.True(t, problem.Is(err, problem.NotFound))
		results := b.model.Requests()[3].Messages
		require.Contains(t, results[len(results)-1].ToolResults[0].Text, "two")

		commits, _, err := b.files.Commits(b.ctx, b.project.ID, r.Branch, "", 10)
		require.NoError(t, err)
		require.Len(t, commits, 3, "the one that it begins with, since main had none")
		require.Contains(t, commits[0].Message, "Agent: manager\nRun: "+r.ID+"\nStep: 2")
	})
}

func TestARetryGoesOnOnTheSameBranch(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Call("write_file", call{"path": "a.txt", "text": "one"})},
			llmtest.Status(400),
			llmtest.Reply{llmtest.Call("read_file", call{"path": "a.txt"})},
			llmtest.Reply{llmtest.Say("done")},
		}
	}, func(t *testing.T, b *testBundle) {
		one := "base"
		_, err := b.files.Commit(b.ctx, workspace.Main(b.project.ID), workspace.Author{}, "base", workspace.Change{Path: "base", Content: &one})
		require.NoError(t, err)
		_, r := b.send(t, conversation.SendInput{Text: "go", OwnBranch: true})
		require.Equal(t, enum.RunFailed, b.await(t, r.ID).State)
		again, err := b.engine.Retry(b.ctx, run.RetryInput{RunID: r.ID})
		require.NoError(t, err)
		require.Equal(t, r.Branch, again.Branch)
		require.Equal(t, enum.RunSucceeded, b.await(t, again.ID).State)
		require.Equal(t, "one", b.text(t, "a.txt", r.Branch))
		require.Equal(t, "base", b.text(t, "base", r.Branch))
	})
}

// targets notes where branches were to be merged to.
type targets []string

func (t *targets) Enqueue(_ context.Context, _ *store.Tx, o merge.Order) (*ent.Merge, error) {
	*t = append(*t, o.Target)
	return &ent.Merge{}, nil
}

// What is said too late to a task's agent is done by a run on the task's branch that has
// none above it: the conversation says of which fork it is.
func TestALateWordInAForkIsMergedIntoTheFork(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		var merged targets
		engine, _ := b.worker(t, options{idle: true, run: run.Options{Merges: &merged}})
		hands, unchecked := run.ByHand(engine), storetest.Unchecked(context.Background())
		for _, fork := range []string{"fork/cnv_a", ""} {
			talk, err := b.db.Ent.Conversation.Create().SetProjectID(b.project.ID).SetTitle("Build").SetBranch(fork).Save(unchecked)
			require.NoError(t, err)
			var r *ent.Run
			require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
				r, err = engine.Start(ctx, tx, run.Order{
					ProjectID: b.project.ID, ConversationID: talk.ID, AgentID: b.agentNamed(t, "engineer").ID, MessageID: relay.NewID("msg"), UserID: b.owner.UserID, OwnBranch: true,
				})
				return err
			}))
			held, err := hands.Claim(r.ID)
			require.NoError(t, err)
			require.NoError(t, hands.Finish(held, true))
		}
		require.Equal(t, targets{"fork/cnv_a", ""}, merged)
	})
}
