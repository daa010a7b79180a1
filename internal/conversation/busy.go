package conversation

import (
	"context"
	"errors"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/question"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// What happens to a message for a conversation that has a run which hasn't ended.
const (
	Queue     = "QUEUE"     // its run waits for the others
	Steer     = "STEER"     // it goes to the run under way, whose model sees it before its next answer
	Interrupt = "INTERRUPT" // the run under way is cancelled, and its own is next
	Reject    = "REJECT"    // it is refused with CONFLICT
)

// makeWay does what in.WhileBusy wants of a busy conversation, and returns the run
// that the message goes to when it is to steer one. Rows of runs are locked here,
// ahead of the conversation's, as workers do it.
func (s *Service) makeWay(ctx context.Context, tx *store.Tx, viewer *access.Viewer, c *ent.Conversation, in SendInput) (steered *ent.Run, err error) {
	if in.Agent == noAgent {
		return nil, nil
	}
	switch in.WhileBusy {
	case Interrupt:
		return nil, s.runs.Interrupt(ctx, tx, c.ID, stream.Actor{UserID: viewer.UserID})
	case Steer, Reject:
	default:
		return nil, nil
	}
	r, err := underWay(ctx, tx, c)
	if err != nil || r == nil {
		return nil, err
	}
	if in.WhileBusy == Reject {
		return nil, problem.New(problem.Conflict, "the conversation is busy: run %s is %s", r.ID, r.State)
	}
	answered, err := s.answer(ctx, tx, viewer, r, in)
	if err != nil {
		return nil, err
	}
	attached, err := s.runs.Steer(ctx, tx, r.ID)
	if err == nil && !attached && !answered { // what is answered may be that it is to stop
		err = errAgain
	}
	return r, err
}

// answer takes the message for the answer to what the run asks and waits for, where it can
// be one.
func (s *Service) answer(ctx context.Context, tx *store.Tx, viewer *access.Viewer, r *ent.Run, in SendInput) (answered bool, err error) {
	q, err := question.OpenOf(ctx, tx.Ent, r.ID)
	if err != nil || q == nil {
		return false, err
	}
	text, fits := question.Fits(q, in.Text)
	if !fits {
		return false, nil
	}
	err = s.questions.AnswerTx(ctx, tx, q.ID, text, viewer)
	if errors.Is(err, question.ErrAgain) || problem.As(err) != nil {
		return false, errAgain // somebody was first
	}
	return true, err
}

// stillSo looks, with the conversation's row locked, whether another message made the
// conversation busy after makeWay found it idle.
func (s *Service) stillSo(ctx context.Context, tx *store.Tx, c *ent.Conversation, steered *ent.Run, in SendInput) error {
	if steered != nil || in.Agent == noAgent || in.WhileBusy != Steer && in.WhileBusy != Reject {
		return nil
	}
	r, err := underWay(ctx, tx, c)
	if err == nil && r != nil {
		err = errAgain
	}
	return err
}

// underWay is the conversation's run that is active, or else the next to be; nil when
// it is idle.
func underWay(ctx context.Context, tx *store.Tx, c *ent.Conversation) (*ent.Run, error) {
	active, err := tx.Ent.Run.Query().
		Where(entrun.ConversationID(c.ID), entrun.StateNotIn(enum.RunQueued, enum.RunSucceeded, enum.RunFailed, enum.RunCancelled)).
		First(ctx)
	if !ent.IsNotFound(err) {
		return active, err
	}
	next, err := tx.Ent.Run.Query().Where(entrun.ConversationID(c.ID), entrun.StateEQ(enum.RunQueued)).
		Order(entrun.ByPriority(sql.OrderDesc()), ent.Asc(entrun.FieldID)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return next, err
}
