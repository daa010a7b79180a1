// Package question is what agents ask the people of a project. A question is a row that
// is written in the transaction in which its run begins to wait; the run keeps no worker
// meanwhile. The first answer closes the call that asked and lets the run go on, in one
// transaction too; a question that nobody answers in time is closed by a sweep that every
// worker makes.
package question

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// slack is how much earlier than asked a question closes at most, so that it does before
// its run has waited for too long.
const slack = time.Minute

// Book is where questions are written down.
type Book struct{ log *stream.Log }

// NewBook makes a Book.
func NewBook(log *stream.Log) *Book { return &Book{log: log} }

// Ask records a question of a run within tx; callID is empty where the run itself asks.
func (b *Book) Ask(ctx context.Context, tx *store.Tx, runID, callID string, q tools.Question) error {
	ctx = access.As(ctx, access.Engine)
	r, err := tx.Ent.Run.Get(ctx, runID)
	if err != nil {
		return fmt.Errorf("read the run that asks: %w", err)
	}
	create := tx.Ent.Question.Create().SetProjectID(r.ProjectID).SetConversationID(r.ConversationID).SetRunID(r.ID).SetAgentID(r.AgentID).
		SetText(q.Text).SetChoices(q.Choices).SetAllowOther(q.AllowOther || len(q.Choices) == 0).
		SetFallback(q.Default).SetStopAnswer(q.Stop).SetState(enum.QuestionOpen).
		SetDeadlineAt(store.Now().Add(max(q.Within-slack, slack)))
	if callID != "" {
		create.SetToolCallID(callID)
	}
	asked, err := create.Save(ctx)
	if err != nil {
		return fmt.Errorf("record a question: %w", err)
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
	if err != nil {
		return err
	}
	b.log.Append(tx, handle, told(enum.EventQuestionAsked, asked, stream.Actor{AgentID: asked.AgentID}))
	return nil
}

func told(t enum.EventType, q *ent.Question, by stream.Actor) stream.Draft {
	return stream.Draft{Type: t, RunID: q.RunID, Payload: stream.QuestionPayload{V: 1, Question: q, Actor: &by}}
}

// Service closes questions.
type Service struct {
	db     *store.DB
	log    *stream.Log
	runs   *run.Control
	logger *slog.Logger
}

// New makes a Service that asks for steps through queue.
func New(db *store.DB, log *stream.Log, queue *run.Queue, logger *slog.Logger) *Service {
	return &Service{db: db, log: log, runs: run.NewControl(log, queue), logger: logger}
}

// ErrAgain says that the question, or its run, has changed between two looks: the whole
// transaction is done again.
var ErrAgain = errors.New("the question has changed meanwhile")

// maxAgain bounds how often a transaction is done again.
const maxAgain = 10

// again does act in a transaction until no other was first.
func (s *Service) again(ctx context.Context, act func(context.Context, *store.Tx) error) error {
	var err error
	for range maxAgain {
		err = s.db.InTx(ctx, act)
		if !errors.Is(err, ErrAgain) && !errors.Is(err, run.ErrMoved) {
			return err
		}
	}
	return err
}
