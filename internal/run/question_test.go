package run_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/event"
	"github.com/zeblit/zeblit/ent/message"
	entquestion "github.com/zeblit/zeblit/ent/question"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/conversation"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/question"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// asks is a model that asks the people with input, and says done when it has the answer.
func asks(input map[string]any) func() []llmtest.Script {
	return func() []llmtest.Script {
		return []llmtest.Script{
			llmtest.Reply{llmtest.Call("ask_user", input)},
			llmtest.Reply{llmtest.Say("done")},
		}
	}
}

var colours = map[string]any{"question": "Which colour?", "choices": []string{"Red", "Blue"}, "default": "Red", "deadline_seconds": 600}

// open waits for the question of a run.
func (b *testBundle) open(t *testing.T, runID string) *ent.Question {
	t.Helper()
	var q *ent.Question
	soon(t, func() bool {
		var err error
		q, err = b.db.Ent.Question.Query().Where(entquestion.RunID(runID), entquestion.StateEQ(enum.QuestionOpen)).Only(b.ctx)
		return err == nil
	})
	return q
}

func (b *testBundle) answer(id, text string) (*ent.Question, error) {
	return b.questions.Answer(b.ctx, question.Input{QuestionID: id, Answer: text})
}

// result is what the model was told of its question.
func (b *testBundle) result(t *testing.T, runID string) string {
	t.Helper()
	call, err := b.db.Ent.ToolCall.Query().Where(toolcall.RunID(runID)).Only(b.ctx)
	require.NoError(t, err)
	require.Equal(t, enum.ToolCallDone, call.State)
	return call.Output
}

func TestAPersonAnswersAnAgent(t *testing.T) {
	t.Parallel()
	each(t, asks(colours), func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "paint it"})
		q := b.open(t, r.ID)
		require.Equal(t, []string{"Red", "Blue"}, q.Choices)
		r, err := b.db.Ent.Run.Get(b.ctx, r.ID)
		require.NoError(t, err)
		require.Equal(t, enum.RunWaitingForInput, r.State)
		require.Empty(t, r.LeaseOwner, "waiting costs no worker")

		_, err = b.answer(q.ID, "green")
		require.True(t, problem.Is(err, problem.BadInput), "%v", err)
		require.Equal(t, "answer", problem.As(err).Field)
		require.Contains(t, err.Error(), "Red, Blue")
		q, err = b.answer(q.ID, " blue ")
		require.NoError(t, err)
		require.Equal(t, enum.QuestionAnswered, q.State)
		require.Equal(t, "Blue", q.Answer)
		require.Equal(t, b.owner.UserID, *q.AnsweredByID)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Contains(t, b.result(t, r.ID), "answered: Blue")

		_, err = b.answer(q.ID, "Blue")
		require.NoError(t, err, "the same again changes nothing")
		_, err = b.answer(q.ID, "Red")
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
		require.Contains(t, err.Error(), "was first and answered: Blue")
		for _, what := range []enum.EventType{enum.EventQuestionAsked, enum.EventQuestionAnswered} {
			n, err := b.db.Ent.Event.Query().Where(event.RunID(r.ID), event.TypeEQ(what)).Count(b.ctx)
			require.NoError(t, err)
			require.Equal(t, 1, n, what)
		}
	})
}

func TestAnAnswerReachesARunThatHasNoWorkerAnyMore(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		b.model.Add(asks(map[string]any{"question": "What is its name?"})()...)
		_, r := b.send(t, conversation.SendInput{Text: "name it"})
		stop := b.start(t, run.Options{})
		q := b.open(t, r.ID)
		stop()
		_, err := b.answer(q.ID, "Zoe")
		require.NoError(t, err)
		b.start(t, run.Options{})
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		require.Contains(t, b.result(t, r.ID), "answered: Zoe")
	})
}

func TestAQuestionThatNobodyAnswersExpires(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input        map[string]any
		answer, told string
	}{
		"with a default": {colours, "Red", "Your default holds: Red"},
		"without":        {map[string]any{"question": "Which?"}, "", "Go on without"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, asks(c.input), func(t *testing.T, b *testBundle) {
				_, r := b.send(t, conversation.SendInput{Text: "go"})
				q := b.open(t, r.ID)
				require.NoError(t, b.questions.Sweep(b.ctx))
				b.open(t, r.ID) // its time is not over
				unchecked := storetest.Unchecked(context.Background())
				require.NoError(t, b.db.Ent.Question.UpdateOneID(q.ID).SetDeadlineAt(time.Now().Add(-time.Minute)).Exec(unchecked))
				require.NoError(t, b.questions.Sweep(b.ctx))
				require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
				require.Contains(t, b.result(t, r.ID), c.told)
				q, err := b.db.Ent.Question.Get(b.ctx, q.ID)
				require.NoError(t, err)
				require.Equal(t, enum.QuestionExpired, q.State)
				require.Equal(t, c.answer, q.Answer)
				_, err = b.answer(q.ID, "Red")
				require.True(t, problem.Is(err, problem.Conflict), "%v", err)
			})
		})
	}
}

func TestOfTwoAnswersAtOnceOneWins(t *testing.T) {
	t.Parallel()
	each(t, asks(colours), func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "paint it"})
		q := b.open(t, r.ID)
		var both sync.WaitGroup
		failures := make([]error, 2)
		for i, text := range []string{"Red", "Blue"} {
			both.Go(func() { _, failures[i] = b.answer(q.ID, text) })
		}
		both.Wait()
		q, err := b.db.Ent.Question.Get(b.ctx, q.ID)
		require.NoError(t, err)
		lost := failures[map[string]int{"Red": 1, "Blue": 0}[q.Answer]]
		require.NoError(t, failures[map[string]int{"Red": 0, "Blue": 1}[q.Answer]])
		require.True(t, problem.Is(lost, problem.Conflict), "%v", lost)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
	})
}

func TestTheQuestionsOfARunThatEndsAreVoid(t *testing.T) {
	t.Parallel()
	each(t, asks(colours), func(t *testing.T, b *testBundle) {
		_, r := b.send(t, conversation.SendInput{Text: "paint it"})
		q := b.open(t, r.ID)
		_, err := b.engine.Cancel(b.ctx, r.ID)
		require.NoError(t, err)
		q, err = b.db.Ent.Question.Get(b.ctx, q.ID)
		require.NoError(t, err)
		require.Equal(t, enum.QuestionCancelled, q.State)
		_, err = b.answer(q.ID, "Red")
		require.True(t, problem.Is(err, problem.Conflict), "%v", err)
	})
}

func TestAMessageThatSteersAnswers(t *testing.T) {
	t.Parallel()
	each(t, asks(colours), func(t *testing.T, b *testBundle) {
		m, r := b.send(t, conversation.SendInput{Text: "paint it"})
		q := b.open(t, r.ID)
		_, same := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "rather green", WhileBusy: conversation.Steer})
		require.Equal(t, r.ID, same.ID)
		b.open(t, r.ID) // it is none of the choices
		_, same = b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "blue", WhileBusy: conversation.Steer})
		require.Equal(t, r.ID, same.ID)
		require.Equal(t, enum.RunSucceeded, b.await(t, r.ID).State)
		q, err := b.db.Ent.Question.Get(b.ctx, q.ID)
		require.NoError(t, err)
		require.Equal(t, "Blue", q.Answer)
	})
}

func TestAMessageThatSteersStopsARunThatAsksThat(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		m, r := b.send(t, conversation.SendInput{Text: "hello"})
		c, err := hands.Claim(r.ID)
		require.NoError(t, err)
		require.NoError(t, hands.AskPeople(c, tools.Question{Text: "It repeats itself.", Choices: []string{"Go on", "Stop"}, Default: "Stop", Stop: "Stop", Within: time.Hour}))
		said, same := b.send(t, conversation.SendInput{ConversationID: m.ConversationID, Text: "stop", WhileBusy: conversation.Steer})
		require.Equal(t, r.ID, same.ID)
		require.Equal(t, enum.RunCancelled, same.State)
		require.Equal(t, "stop", said.Text)
	})
}

func TestARunAsksByItself(t *testing.T) {
	t.Parallel()
	eachIdle(t, func(t *testing.T, b *testBundle) {
		hands := run.ByHand(b.engine)
		guard := tools.Question{Text: "It repeats itself.", Choices: []string{"Go on", "Stop"}, Default: "Stop", Stop: "Stop", Within: time.Hour}
		for text, state := range map[string]enum.RunState{"go on": enum.RunQueued, "stop": enum.RunCancelled} {
			_, r := b.send(t, conversation.SendInput{Text: "hello"})
			c, err := hands.Claim(r.ID)
			require.NoError(t, err)
			require.NoError(t, hands.AskPeople(c, guard))
			_, err = b.answer(b.open(t, r.ID).ID, text)
			require.NoError(t, err)
			r, err = b.db.Ent.Run.Get(b.ctx, r.ID)
			require.NoError(t, err)
			require.Equal(t, state, r.State)
			if state == enum.RunCancelled {
				continue
			}
			c, err = hands.Claim(r.ID)
			require.NoError(t, err)
			require.NoError(t, hands.See(c))
			said, err := b.db.Ent.Message.Query().Where(message.ConversationID(r.ConversationID)).Order(ent.Desc("position")).First(b.ctx)
			require.NoError(t, err)
			require.Contains(t, said.Text, "answered: Go on")
			require.NotNil(t, said.SeenStep)
			require.NoError(t, hands.Finish(c, true))
		}
	})
}
