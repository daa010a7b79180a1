package run_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// outside is a tool with an effect outside of the database: it notes each call that
// was begun under its id. The first time it then stays until it is cut off.
type outside struct {
	name   string
	effect tools.Effect
}

var effects = struct {
	sync.Mutex
	calls map[string]int
}{calls: map[string]int{}}

func init() {
	tools.Extend("engineer", outside{"pay", tools.Once}, "Pays.")
	tools.Extend("engineer", outside{"put", tools.Repeatable}, "Puts.")
}

func (o outside) Name() string         { return o.name }
func (o outside) Schema() string       { return `{"type":"object","properties":{}}` }
func (o outside) Effect() tools.Effect { return o.effect }

func (o outside) Run(ctx context.Context, env tools.Env, _ json.RawMessage) (tools.Outcome, error) {
	effects.Lock()
	effects.calls[env.CallID]++
	first := effects.calls[env.CallID] == 1
	effects.Unlock()
	if first {
		<-ctx.Done()
		return tools.Outcome{}, ctx.Err()
	}
	return tools.Outcome{Text: "done at last"}, nil
}

func made(callID string) int {
	effects.Lock()
	defer effects.Unlock()
	return effects.calls[callID]
}

func (b *testBundle) callUnderWay(t *testing.T, runID string) *ent.ToolCall {
	t.Helper()
	var call *ent.ToolCall
	require.Eventually(t, func() bool {
		var err error
		call, err = b.db.Ent.ToolCall.Query().Where(toolcall.RunID(runID), toolcall.StateEQ(enum.ToolCallRunning)).First(b.ctx)
		return err == nil && made(call.ID) > 0
	}, time.Minute, 5*time.Millisecond)
	return call
}

// fallSilent has the lease of the run's worker run out, however often it is renewed
// meanwhile, until another has taken the run over.
func (b *testBundle) fallSilent(t *testing.T, runID string) {
	t.Helper()
	held, err := b.db.Ent.Run.Get(b.ctx, runID)
	require.NoError(t, err)
	unchecked := storetest.Unchecked(context.Background())
	require.Eventually(t, func() bool {
		n, err := b.db.Ent.Run.Update().Where(entrun.ID(runID), entrun.Epoch(held.Epoch)).SetLeaseUntil(1).Save(unchecked)
		return err == nil && n == 0
	}, time.Minute, 20*time.Millisecond)
}

func TestAToolCallCutOffByACrash(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tool   string
		state  enum.ToolCallState
		output string
		times  int
	}{
		{"pay", enum.ToolCallInterrupted, "not known whether it took effect", 1},
		{"put", enum.ToolCallDone, "done at last", 2},
	} {
		t.Run(c.tool, func(t *testing.T) {
			t.Parallel()
			eachVendor(t, "anthropic", func(t *testing.T, b *testBundle) {
				b.model.Add(llmtest.Reply{llmtest.Call(c.tool, nil)}, llmtest.Reply{llmtest.Say("well")})
				_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "go"})
				call := b.callUnderWay(t, r.ID)
				b.fallSilent(t, r.ID)
				require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
				call, err := b.db.Ent.ToolCall.Get(b.ctx, call.ID)
				require.NoError(t, err)
				require.Equal(t, c.state, call.State)
				require.Contains(t, call.Output, c.output)
				require.Equal(t, c.times, made(call.ID))
				results := b.model.Requests()[1].Messages[2].ToolResults
				require.Contains(t, results[0].Text, c.output, "the model is told")
				soon(t, func() bool { return b.engine.Stats().Takeovers > 0 })
			})
		})
	}
}

func TestAToolHasAnEnd(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{
		script: []llmtest.Script{llmtest.Reply{llmtest.Call("pay", nil), llmtest.Call("put", nil)}, llmtest.Reply{llmtest.Say("well")}},
		run:    run.Options{Deadlines: run.Deadlines{Tool: 100 * time.Millisecond}},
	}, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "go"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		calls, err := b.db.Ent.ToolCall.Query().Where(toolcall.RunID(r.ID)).Order(ent.Asc(toolcall.FieldPosition)).All(b.ctx)
		require.NoError(t, err)
		require.Equal(t, enum.ToolCallInterrupted, calls[0].State)
		require.Equal(t, enum.ToolCallFailed, calls[1].State)
		require.Contains(t, calls[1].Output, "cut off after 100ms")
	})
}

func TestCancellingEndsARunningTool(t *testing.T) {
	t.Parallel()
	each(t, func() []llmtest.Script { return []llmtest.Script{llmtest.Reply{llmtest.Call("pay", nil)}} }, func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Agent: "engineer", Text: "go"})
		call := b.callUnderWay(t, r.ID)
		_, err := b.engine.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunCancelled, b.await(t, r.ID).State)
		call, err = b.db.Ent.ToolCall.Get(b.ctx, call.ID)
		require.NoError(t, err)
		require.Equal(t, enum.ToolCallInterrupted, call.State)
	})
}
