package question

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entquestion "github.com/zeblit/zeblit/ent/question"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/idempotency"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// maxAnswer bounds an answer in bytes.
const maxAnswer = 4 << 10

// Input is an answer.
type Input struct {
	QuestionID, Answer string
	// IdempotencyKey makes the same input do nothing again; "" is none.
	IdempotencyKey string
}

// Answer closes a question with the viewer's answer, who needs the role EDITOR, and lets
// its run go on. The first answer wins: the same again changes nothing, and another is a
// CONFLICT that names who was first.
func (s *Service) Answer(ctx context.Context, in Input) (*ent.Question, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	q, err := s.db.Ent.Question.Get(ctx, in.QuestionID)
	if ent.IsNotFound(err) || store.Unfit(err) {
		return nil, problem.Missing("questionId", "question")
	}
	if err != nil {
		return nil, err
	}
	if err := access.RequireRole(ctx, s.db.Ent, q.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	answer, err := check(q, in.Answer)
	if err != nil {
		return nil, err
	}
	err = s.again(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, _, err := idempotency.Do(ctx, tx, "answerQuestion", in.IdempotencyKey, in, func() (string, error) {
			return q.ID, s.AnswerTx(ctx, tx, q.ID, answer, viewer)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.db.Ent.Question.Get(ctx, q.ID)
}

// check returns the answer as it is kept.
func check(q *ent.Question, answer string) (string, error) {
	answer = strings.TrimSpace(answer)
	switch {
	case answer == "":
		return "", problem.BadField("answer", "answer is required")
	case len(answer) > maxAnswer:
		return "", problem.BadField("answer", "an answer is at most 4 KiB; this is %d bytes", len(answer))
	case !utf8.ValidString(answer):
		return "", problem.BadField("answer", "an answer must be valid UTF-8")
	}
	fits, ok := Fits(q, answer)
	if !ok {
		return "", problem.BadField("answer", "choose one of: %s", strings.Join(q.Choices, ", "))
	}
	return fits, nil
}

// Fits says whether a text answers the question, and returns the choice that it means.
func Fits(q *ent.Question, text string) (string, bool) {
	text = strings.TrimSpace(text)
	for _, choice := range q.Choices {
		if strings.EqualFold(choice, text) {
			return choice, true
		}
	}
	return text, q.AllowOther && text != "" && len(text) <= maxAnswer
}

// OpenOf is the question that a run waits with; nil: it has none. What is returned is
// locked by nobody: AnswerTx looks again.
func OpenOf(ctx context.Context, c *ent.Client, runID string) (*ent.Question, error) {
	q, err := c.Question.Query().Where(entquestion.RunID(runID), entquestion.StateEQ(enum.QuestionOpen)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return q, err
}

// AnswerTx does what Answer does within tx, of an answer that fits, for a viewer who may.
// ErrAgain and run.ErrMoved: do the whole transaction again.
func (s *Service) AnswerTx(ctx context.Context, tx *store.Tx, id, answer string, viewer *access.Viewer) error {
	ctx = access.As(ctx, access.Engine)
	q, err := tx.Ent.Question.Get(ctx, id)
	if err != nil {
		return err
	}
	if q.State != enum.QuestionOpen {
		return s.late(ctx, tx, q, answer)
	}
	who, err := tx.Ent.User.Get(ctx, viewer.UserID)
	if err != nil {
		return fmt.Errorf("read who answers: %w", err)
	}
	by := stream.Actor{UserID: viewer.UserID}
	text := fmt.Sprintf("%s answered: %s", who.Name, answer)
	return s.settle(ctx, tx, q, closing{state: enum.QuestionAnswered, answer: answer, text: text, by: by})
}

// late says what becomes of an answer to a question that is closed.
func (s *Service) late(ctx context.Context, tx *store.Tx, q *ent.Question, answer string) error {
	switch {
	case q.State == enum.QuestionCancelled:
		return problem.New(problem.Conflict, "the question is void: its run has ended")
	case q.State == enum.QuestionExpired:
		return problem.New(problem.Conflict, "the question's time was over at %s", q.DeadlineAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	case q.Answer == answer:
		return nil
	}
	name := "somebody who is gone"
	if q.AnsweredByID != nil {
		who, err := tx.Ent.User.Get(ctx, *q.AnsweredByID)
		if err != nil && !ent.IsNotFound(err) {
			return err
		}
		if err == nil {
			name = who.Name
		}
	}
	return problem.New(problem.Conflict, "%s was first and answered: %s", name, q.Answer)
}

// closing is how a question is closed.
type closing struct {
	state  enum.QuestionState
	answer string
	text   string // for the model
	by     stream.Actor
}

// settle closes an open question and lets its run go on, or ends it where the answer says
// so. The run's row comes first, as with all its writers.
func (s *Service) settle(ctx context.Context, tx *store.Tx, q *ent.Question, c closing) error {
	on, err := s.goOn(ctx, tx, q, c)
	if err != nil {
		return err
	}
	if !on {
		return ErrAgain
	}
	update := tx.Ent.Question.Update().Where(entquestion.ID(q.ID), entquestion.StateEQ(enum.QuestionOpen)).
		SetState(c.state).SetAnswer(c.answer)
	if c.by.UserID != "" {
		update.SetAnsweredByID(c.by.UserID)
	}
	if c.answer != "" {
		update.SetAnsweredAt(store.Now())
	}
	switch n, err := update.Save(ctx); {
	case err != nil:
		return fmt.Errorf("close question %s: %w", q.ID, err)
	case n == 0:
		return ErrAgain
	}
	if q, err = tx.Ent.Question.Get(ctx, q.ID); err != nil {
		return err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, q.ProjectID)
	if err != nil {
		return err
	}
	s.log.Append(tx, handle, told(enum.EventQuestionAnswered, q, c.by))
	if q.StopAnswer != "" && q.StopAnswer == c.answer {
		return s.runs.Stop(ctx, tx, q.RunID, c.by)
	}
	return nil
}

func (s *Service) goOn(ctx context.Context, tx *store.Tx, q *ent.Question, c closing) (bool, error) {
	if q.ToolCallID != nil {
		return s.runs.Answer(ctx, tx, *q.ToolCallID, enum.ToolCallDone, c.text, c.by)
	}
	// Its model has not asked, and doesn't know the question.
	text := fmt.Sprintf("(From Zeblit, in your name, the people were asked: %s)\n%s", q.Text, c.text)
	return s.runs.GoOn(ctx, tx, q.RunID, run.Said{Text: text, By: c.by})
}
