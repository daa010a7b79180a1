package question

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	entquestion "github.com/zeblit/zeblit/ent/question"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	sweepEvery   = time.Second
	sweepAtOnce  = 100
	nobodyInTime = "Nobody answered in time."
)

// Run closes the questions whose time is over until ctx ends. On several nodes at once it
// does no harm.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "questions could not be closed; it is tried again", "error", err)
		}
	}
}

// Sweep closes the questions whose time is over: with the default where there is one.
func (s *Service) Sweep(ctx context.Context) error {
	ctx = access.As(ctx, access.Engine)
	due, err := s.db.Ent.Question.Query().Where(overdue(store.Now())).Limit(sweepAtOnce).All(ctx)
	if err != nil {
		return fmt.Errorf("look for questions whose time is over: %w", err)
	}
	var failures []error
	for _, q := range due {
		err := s.again(ctx, func(ctx context.Context, tx *store.Tx) error { return s.expire(ctx, tx, q.ID) })
		if err != nil && !errors.Is(err, ErrAgain) && !errors.Is(err, run.ErrMoved) {
			failures = append(failures, fmt.Errorf("question %s: %w", q.ID, err))
		}
	}
	return errors.Join(failures...)
}

func (s *Service) expire(ctx context.Context, tx *store.Tx, id string) error {
	q, err := tx.Ent.Question.Query().Where(entquestion.ID(id), overdue(store.Now())).Only(ctx)
	if ent.IsNotFound(err) {
		return nil // somebody was first
	}
	if err != nil {
		return err
	}
	text := nobodyInTime + " Go on without: decide what is safe, and say what you decided and that it is open."
	if q.Fallback != "" {
		text = nobodyInTime + " Your default holds: " + q.Fallback
	}
	return s.settle(ctx, tx, q, closing{state: enum.QuestionExpired, answer: q.Fallback, text: text, by: stream.Actor{AgentID: q.AgentID}})
}

// overdue holds for the open questions whose time was over at now, in the words of their
// index.
func overdue(now time.Time) predicate.Question {
	return entquestion.And(entquestion.DeadlineAtLTE(now), func(s *sql.Selector) {
		s.Where(sql.ExprP(s.C(entquestion.FieldState) + " = '" + string(enum.QuestionOpen) + "'"))
	})
}
