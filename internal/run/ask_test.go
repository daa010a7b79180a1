package run_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	entagent "github.com/zeblit/zeblit/ent/agent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
)

// play is a model of several agents: each conversation, told apart by words of its first
// message, has its own replies, turn by turn.
func play(turns map[string][]llmtest.Reply) llmtest.Func {
	return func(q llmtest.Request) llmtest.Reply {
		for words, replies := range turns {
			if strings.Contains(q.Messages[0].Text, words) && q.Turn() < len(replies) {
				return replies[q.Turn()]
			}
		}
		return llmtest.Reply{llmtest.Say("nothing more to say")}
	}
}

func ask(slug, question string) llmtest.Reply {
	return llmtest.Reply{llmtest.Call("ask_agent", map[string]any{"agent": slug, "question": question})}
}

// child waits for the run whose answer a run waits for.
func (b *testBundle) child(t *testing.T, parent string) *ent.Run {
	t.Helper()
	var child *ent.Run
	soon(t, func() bool {
		var err error
		child, err = b.db.Ent.Run.Query().Where(entrun.ParentID(parent), entrun.CallIDNEQ("")).Only(b.ctx)
		return err == nil
	})
	return child
}

func TestAnAgentAsksAnotherAndGetsTheAnswer(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(play(map[string][]llmtest.Reply{
			"Speed it up": {ask("data-analyst", "Which index does it need?"), {llmtest.Say("done")}},
			"Which index": {{llmtest.Say("One on title.")}},
		}))
		_, r := b.send(t, conversation.SendInput{Text: "Speed it up"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Equal(t, "One on title.", b.result(t, r.ID))

		child := b.child(t, r.ID)
		require.Equal(t, enum.RunSucceeded, child.State)
		require.Equal(t, 1, child.Depth)
		require.NotEqual(t, r.ConversationID, child.ConversationID)
		m, err := b.db.Ent.Message.Get(b.ctx, child.MessageID)
		require.NoError(t, err)
		require.Equal(t, r.ID, m.SenderRunID)
		require.Nil(t, m.AuthorID, "it is no person's")
		talk, err := b.db.Ent.Conversation.Get(b.ctx, child.ConversationID)
		require.NoError(t, err)
		require.Equal(t, enum.ConversationQuestion, talk.Kind)
		requests := b.model.Requests()
		asked, told := requests[1], requests[2]
		require.Contains(t, asked.Messages[0].Text, "[words ")
		require.Contains(t, asked.Messages[0].Text, " from manager]\nWhich index does it need?\n[end of words ")
		results := told.Results()
		require.Contains(t, results[0].Text, " from data-analyst]\nOne on title.\n[end of words ")
		require.False(t, results[0].IsError)
	})
}

func TestWhomAnAgentCantAsk(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(play(map[string][]llmtest.Reply{"hello": {
			append(append(append(ask("manager", "What?"), ask("nobody", "What?")...), ask("engineer", " ")...), ask("engineer", strings.Repeat("x", 9<<10))...),
			{llmtest.Say("done")},
		}}))
		_, r := b.send(t, conversation.SendInput{Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		calls := b.calls(t, r.ID)
		require.Len(t, calls, 4)
		for i, words := range []string{
			"BAD_USER_INPUT (agent): you are the Project Manager yourself", "BAD_USER_INPUT (agent): no such agent; there are: manager, ",
			"BAD_USER_INPUT (question): question is required", "BAD_USER_INPUT (question): say it in 8 KiB at most",
		} {
			require.Equal(t, enum.ToolCallFailed, calls[i].State)
			require.Contains(t, calls[i].Output, words)
		}
		n, err := b.db.Ent.Run.Query().Count(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}

func TestQuestionsDontStandAboveEachOtherForEver(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(llmtest.Func(func(q llmtest.Request) llmtest.Reply {
			if q.Turn() > 0 {
				return llmtest.Reply{llmtest.Say("as I was told: " + q.Results()[0].Text)}
			}
			if strings.Contains(q.Messages[0].Text, "from data-analyst]") {
				return ask("data-analyst", "And you?")
			}
			return ask("architect", "And you?")
		}))
		_, r := b.send(t, conversation.SendInput{Agent: "data-analyst", Text: "hello"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		deepest, err := b.db.Ent.Run.Query().Where(entrun.Depth(3)).Only(b.ctx)
		require.NoError(t, err)
		require.Contains(t, b.calls(t, deepest.ID)[0].Output, "PRECONDITION_FAILED: the work has been handed down 3 times already")
		n, err := b.db.Ent.Run.Query().Count(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 4, n)
	})
}

func TestWhoAsksHearsWhyThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(play(map[string][]llmtest.Reply{
			"first":      {ask("architect", "Is it refused?"), {llmtest.Say("done")}},
			"refused":    {{llmtest.Status(401)}},
			"second":     {ask("architect", "Is it long?"), {llmtest.Say("done")}},
			"Is it long": {{llmtest.Say("hm"), llmtest.Hang()}},
		}))
		_, r := b.send(t, conversation.SendInput{Text: "first"})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		call := b.calls(t, r.ID)[0]
		require.Equal(t, enum.ToolCallFailed, call.State)
		require.Contains(t, call.Output, "the System Architect could not answer")
		require.Contains(t, call.Output, "401")

		_, r = b.send(t, conversation.SendInput{Text: "second"})
		child := b.child(t, r.ID)
		_, err := b.engine.Cancel(b.ctx, child.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		call = b.calls(t, r.ID)[0]
		require.Equal(t, enum.ToolCallFailed, call.State)
		require.Contains(t, call.Output, "was stopped before there was an answer: somebody cancelled the run")
	})
}

// The worker of the one who is asked is gone in the middle of the answer, and with it
// whoever would have passed the answer on.
func TestAQuestionOutlivesItsWorkers(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.model.Add(
			ask("architect", "Which way?"),
			llmtest.Reply{llmtest.Say("Well, "), llmtest.Hang()},
			play(map[string][]llmtest.Reply{"go on": {nil, {llmtest.Say("done")}}, "Which way": {{llmtest.Say("North.")}}}),
		)
		_, r := b.send(t, conversation.SendInput{Text: "go on"})
		stop := b.start(t, run.Options{Drain: -1})
		child := b.child(t, r.ID)
		b.untilSaid(t, child.ID)
		stop()
		waits, err := b.db.Ent.Run.Get(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunWaitingForAgents, waits.State)
		require.Empty(t, waits.LeaseOwner, "waiting costs no worker")
		b.start(t, run.Options{})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Equal(t, "North.", b.result(t, r.ID))
	})
}

func TestAnAnswerThatNobodyPassedOnIsFound(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		r, call := b.waiting(t, hands, enum.RunWaitingForAgents)
		require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
			return b.engine.Ask(ctx, tx, tools.Env{RunID: r.ID, CallID: call.ID}, "architect", "Which way?")
		}))
		held, err := hands.Claim(b.child(t, r.ID).ID)
		require.NoError(t, err)
		require.NoError(t, hands.PassOn(), "it is too early")
		require.NoError(t, hands.Finish(held, true))
		require.NoError(t, hands.PassOn())
		require.NoError(t, hands.PassOn(), "and too late")
		b.model.Add(llmtest.Reply{llmtest.Say("done")})
		b.start(t, run.Options{})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		call, err = b.db.Ent.ToolCall.Get(b.ctx, call.ID)
		require.NoError(t, err)
		require.Equal(t, enum.ToolCallFailed, call.State)
		require.Contains(t, call.Output, "ended without saying anything")
	})
}

func TestAPersonsWordWithdrawsAQuestion(t *testing.T) {
	t.Parallel()
	eachDatabaseWith(t, options{}, func(t *testing.T, b *testBundle) {
		b.model.Add(play(map[string][]llmtest.Reply{
			"hello":     {ask("architect", "Which way?"), {llmtest.Say("south then")}},
			"Which way": {{llmtest.Say("hm"), llmtest.Hang()}},
		}))
		m, r := b.send(t, conversation.SendInput{Text: "hello"})
		child := b.child(t, r.ID)
		b.untilSaid(t, child.ID)
		b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "go south", WhileBusy: conversation.Steer})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		call := b.calls(t, r.ID)[0]
		require.Equal(t, enum.ToolCallFailed, call.State)
		require.Contains(t, call.Output, "your question is withdrawn")
		require.Equal(t, enum.RunCancelled, b.await(t, child.ID).State)
	})
}

// Who asks can't have done by asking what its role may not do.
func TestAQuestionIsNoWayAroundARole(t *testing.T) {
	t.Parallel()
	script := func() []llmtest.Script {
		write := func(path string) llmtest.Step {
			return llmtest.Call("write_file", map[string]any{"path": path, "text": "x"})
		}
		shell := llmtest.Call("run_command", map[string]any{"shell": "touch evil"})
		return []llmtest.Script{play(map[string][]llmtest.Reply{
			"of docs":     {ask("engineer", "Could you write it?"), {llmtest.Say("done")}},
			"Could you":   {{write("server.py"), write("docs/spec.md"), shell}, {llmtest.Say("no")}},
			"of nothing":  {ask("engineer", "Would you write it?"), {llmtest.Say("done")}},
			"Would you":   {{write("docs/spec2.md"), shell}, {llmtest.Say("no")}},
			"of all code": {ask("platform-engineer", "Will you run it?"), {llmtest.Say("done")}},
			"Will you":    {{write("Makefile")}, {llmtest.Say("yes")}},
		})}
	}
	each(t, script, func(t *testing.T, b *testBundle) {
		for _, c := range []struct {
			agent, text string
			states      []enum.ToolCallState
		}{
			{"product-manager", "of docs", []enum.ToolCallState{enum.ToolCallFailed, enum.ToolCallDone, enum.ToolCallFailed}},
			{"security-engineer", "of nothing", []enum.ToolCallState{enum.ToolCallFailed, enum.ToolCallFailed}},
			{"engineer", "of all code", []enum.ToolCallState{enum.ToolCallDone}},
		} {
			_, r := b.send(t, conversation.SendInput{Agent: c.agent, Text: c.text})
			require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
			calls := b.calls(t, b.child(t, r.ID).ID)
			require.Len(t, calls, len(c.states))
			for i, call := range calls {
				require.Equal(t, c.states[i], call.State, "%s: %s", c.agent, call.Output)
				if call.State == enum.ToolCallFailed {
					require.Contains(t, call.Output, "not allowed by")
				}
			}
		}
		made, err := b.db.Ent.ToolCall.Query().Where(toolcall.Name("run_command"), toolcall.StateEQ(enum.ToolCallDone)).Count(b.ctx)
		require.NoError(t, err)
		require.Zero(t, made)
	})
}

// agentNamed is the agent of a slug.
func (b *testBundle) agentNamed(t *testing.T, slug string) *ent.Agent {
	t.Helper()
	a, err := b.db.Ent.Agent.Query().Where(entagent.Slug(slug)).Only(b.ctx)
	require.NoError(t, err)
	return a
}

// lines are numbered texts.
func lines(n int, of func(i int) llmtest.Reply) []llmtest.Reply {
	out := make([]llmtest.Reply, n)
	for i := range out {
		out[i] = of(i)
	}
	return out
}

func mail(to string, i int) llmtest.Reply {
	return llmtest.Reply{llmtest.Call("send_message", map[string]any{"to": to, "text": fmt.Sprintf("word %d", i)})}
}
