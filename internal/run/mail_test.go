package run_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

const (
	patience = 5 * time.Minute // an agent may do a lot first, and SQLite under the race detector is slow
	glance   = 10 * time.Millisecond
)

// soon waits until what happens by itself is so. Between two looks it leaves the machine to
// what it waits for, four times as long as a look took: on a slow one it would be in the way.
func soon(t *testing.T, is func() bool) {
	t.Helper()
	for begun := time.Now(); ; {
		look := time.Now()
		if is() {
			return
		}
		if time.Since(begun) > patience {
			require.FailNow(t, "it never was so")
		}
		time.Sleep(max(glance, 4*time.Since(look)))
	}
}

// task starts a run of an agent below another, in a conversation of its own.
func (b *testBundle) task(t *testing.T, parent *ent.Run, slug, text string) *ent.Run {
	t.Helper()
	return b.taskOf(t, "", parent, slug, text)
}

// taskOf is task for one that is on the board.
func (b *testBundle) taskOf(t *testing.T, id string, parent *ent.Run, slug, text string) *ent.Run {
	t.Helper()
	unchecked := storetest.Unchecked(context.Background())
	talk, err := b.db.Ent.Conversation.Create().SetProjectID(parent.ProjectID).SetTitle(text).SetNextPosition(1).Save(unchecked)
	require.NoError(t, err)
	var r *ent.Run
	require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		r, err = b.engine.Start(ctx, tx, run.Order{
			ProjectID: parent.ProjectID, ConversationID: talk.ID, AgentID: b.agentNamed(t, slug).ID, MessageID: relay.NewID("msg"), UserID: parent.UserID, Parent: parent, TaskID: id,
		})
		return err
	}))
	require.NoError(t, b.db.Ent.Message.Create().SetID(r.MessageID).SetConversationID(talk.ID).SetProjectID(r.ProjectID).SetRunID(r.ID).SetAgentID(parent.AgentID).
		SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText(text).SetPosition(0).SetCompletedAt(store.Now()).Exec(unchecked))
	return r
}

func TestAgentsAtWorkWriteToEachOther(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		top, _ := b.waiting(t, run.ByHand(b.engine), enum.RunWaitingForInput)
		engineer := b.task(t, top, "engineer", "Build the API")
		architect := b.task(t, top, "architect", "Describe the API")
		began, written := make(chan struct{}), make(chan struct{}) // the architect; the mail
		var first, once sync.Once
		b.model.Add(play(map[string][]llmtest.Reply{
			"Build the API": {
				{llmtest.Wait(began), llmtest.Call("send_message", map[string]any{"to": "architect", "text": "The path is /v2."}), llmtest.Call("send_message", map[string]any{"to": "data-analyst", "text": "Hello?"})},
				{llmtest.Do(func() { once.Do(func() { close(written) }) }), llmtest.Say("built")},
			},
			"Describe the API": {
				{llmtest.Do(func() { first.Do(func() { close(began) }) }), llmtest.Wait(written), llmtest.Call("list_files", map[string]any{})},
				{llmtest.Say("described")},
			},
		}))
		b.start(t, run.Options{})
		require.Equal(t, enum.RunSucceeded, b.await(t, architect.ID).State)
		require.Equal(t, enum.RunSucceeded, b.await(t, engineer.ID).State)

		calls := b.calls(t, engineer.ID)
		require.Equal(t, enum.ToolCallDone, calls[0].State, calls[0].Output)
		require.Contains(t, calls[0].Output, "Sent to the System Architect at work ("+architect.ID)
		require.Equal(t, enum.ToolCallFailed, calls[1].State)
		require.Contains(t, calls[1].Output, "NOT_FOUND (to): no Data Analyst works on this request now, so nobody would read it: there are: architect (")
		require.Contains(t, calls[1].Output, "manager (WAITING_FOR_INPUT)")

		m, err := b.db.Ent.Message.Query().Where(message.SenderRunID(engineer.ID)).Only(b.ctx)
		require.NoError(t, err)
		require.Equal(t, "The path is /v2.", m.Text)
		require.Equal(t, architect.ID, *m.RunID)
		require.Nil(t, m.AuthorID, "it is no person's")
		require.Equal(t, 1, *m.SeenStep)
		seen := ""
		for _, q := range b.model.Requests() {
			if strings.Contains(q.Messages[0].Text, "Describe the API") && q.Turn() == 1 {
				seen = q.LastText()
			}
		}
		require.Contains(t, seen, " from engineer]\nThe path is /v2.\n[end of words ")
		n, err := b.db.Ent.Run.Query().Count(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 3, n, "mail starts no run")
	})
}

func TestMailThatComesTooLateStaysUnread(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		top, _ := b.waiting(t, hands, enum.RunWaitingForInput)
		engineer, architect := b.task(t, top, "engineer", "Build"), b.task(t, top, "architect", "Describe")
		held, err := hands.Claim(architect.ID)
		require.NoError(t, err)
		env := tools.Env{RunID: engineer.ID}
		to, err := b.engine.Addressee(b.ctx, env, "architect")
		require.NoError(t, err)
		post := func() error {
			return b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error { return b.engine.Post(ctx, tx, env, to, "Hello") })
		}
		require.NoError(t, post())
		require.NoError(t, hands.Finish(held, true))
		m, err := b.db.Ent.Message.Query().Where(message.SenderRunID(engineer.ID)).Only(b.ctx)
		require.NoError(t, err)
		require.Nil(t, m.SeenStep)
		require.Equal(t, architect.ID, *m.RunID)
		n, err := b.db.Ent.Run.Query().Count(b.ctx)
		require.NoError(t, err)
		require.Equal(t, 3, n, "it starts no run")
		require.ErrorContains(t, post(), "has just ended")
		_, err = b.engine.Addressee(b.ctx, env, "architect")
		require.ErrorContains(t, err, "no System Architect works on this request now")

		// Nor does whoever goes on in that conversation see it: it was for the work that has ended.
		b.model.Add(play(nil))
		_, r := b.send(t, conversation.SendInput{ConversationID: architect.ConversationID, Agent: "architect", Text: "again"})
		b.start(t, run.Options{})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		for _, q := range b.model.Requests() {
			for _, said := range q.Messages {
				require.NotContains(t, said.Text, "Hello")
			}
		}
	})
}

func TestAnAnswerGoesToWhoWrote(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		top, _ := b.waiting(t, run.ByHand(b.engine), enum.RunWaitingForInput)
		first, _ := b.task(t, top, "engineer", "One"), b.task(t, top, "engineer", "Two")
		architect := b.task(t, top, "architect", "Describe")
		require.NoError(t, b.db.InTx(b.ctx, func(ctx context.Context, tx *store.Tx) error {
			return b.engine.Post(ctx, tx, tools.Env{RunID: first.ID}, tools.Addressee{RunID: architect.ID, Name: "System Architect"}, "Hello")
		}))
		to, err := b.engine.Addressee(b.ctx, tools.Env{RunID: architect.ID}, "engineer")
		require.NoError(t, err)
		require.Equal(t, first.ID, to.RunID)
		_, err = b.engine.Addressee(b.ctx, tools.Env{RunID: architect.ID}, "nobody")
		require.ErrorContains(t, err, "no such agent")
		_, err = b.engine.Addressee(b.ctx, tools.Env{RunID: architect.ID}, "architect")
		require.ErrorContains(t, err, "engineer (QUEUED)", "one doesn't write to oneself")
	})
}

func TestMailWakesWhoWaitsForTasks(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		top, call := b.waiting(t, run.ByHand(b.engine), enum.RunWaitingForAgents)
		b.task(t, top, "engineer", "Build")
		b.model.Add(play(map[string][]llmtest.Reply{
			"Build": {mail("manager", 0), {llmtest.Say("built")}},
			"hello": {{llmtest.Say("I see")}},
		}))
		b.start(t, run.Options{})
		require.Equal(t, enum.RunSucceeded, b.await(t, top.ID).State)
		call, err := b.db.Ent.ToolCall.Get(b.ctx, call.ID)
		require.NoError(t, err)
		require.Contains(t, call.Output, "Another agent has written to you")
	})
}

func TestWhoOnlyWritesToAndFroHasToAsk(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		top, _ := b.waiting(t, run.ByHand(b.engine), enum.RunWaitingForInput)
		engineer := b.task(t, top, "engineer", "Build")
		b.task(t, top, "architect", "Describe")
		b.model.Add(play(map[string][]llmtest.Reply{
			"Build":    lines(9, func(i int) llmtest.Reply { return mail("architect", i) }),
			"Describe": {{llmtest.Say("hm"), llmtest.Hang()}},
		}))
		b.start(t, run.Options{Drain: -1})
		require.Contains(t, b.open(t, engineer.ID).Text, "7 messages went to and fro between it and System Architect, and nothing changed")
		require.Len(t, b.calls(t, engineer.ID), 7)
		told := 0
		for _, q := range b.model.Requests() {
			if results := q.Results(); len(results) > 0 && strings.Contains(results[0].Text, "6 messages went to and fro") {
				told++
			}
		}
		require.Equal(t, 1, told)
	})
}
