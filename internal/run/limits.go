package run

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Limits bound what one run may do until a person looks at it. Zero is the default of each.
type Limits struct {
	// Steps is how many calls of the model it makes, with their tools. 60 by default.
	Steps int
	// Tokens is how many its calls of models take together, those that the vendor has kept
	// from an earlier call included. 5,000,000 by default.
	Tokens int64
}

const (
	defaultSteps  = 60
	defaultTokens = 5_000_000
	// maxDepth is how many runs may be above one.
	maxDepth = 3
	// maxFanOut is how many runs below one may be under way.
	maxFanOut = 8
)

func (l Limits) withDefaults() Limits {
	if l.Steps <= 0 {
		l.Steps = defaultSteps
	}
	if l.Tokens <= 0 {
		l.Tokens = defaultTokens
	}
	return l
}

// exceeded ends a run that has had all it may have. A retry goes on with its work.
func (l Limits) exceeded(r *ent.Run) error {
	switch used := r.InputTokens + r.OutputTokens; {
	case r.Step >= l.Steps:
		return &stopped{fmt.Sprintf("stopped after %d steps without an end, which is as many as one run may make; a retry goes on from there", l.Steps)}
	case used >= l.Tokens:
		return &stopped{fmt.Sprintf("stopped after %d tokens: one run may take %d; a retry goes on from there", used, l.Tokens)}
	}
	return nil
}

// Hold locks a run's row until the transaction ends, as its writers do. Whoever only refers
// to the run, as a message to it does, isn't kept waiting.
func Hold(ctx context.Context, tx *store.Tx, runID string) error {
	if tx.Dialect != dialect.Postgres { // SQLite has one writer
		return nil
	}
	if _, err := tx.SQL.ExecContext(ctx, "SELECT 1 FROM runs WHERE id = $1 FOR NO KEY UPDATE", runID); err != nil {
		return fmt.Errorf("hold run %s: %w", runID, err)
	}
	return nil
}

// mayHave refuses a run below parent where that is too deep, or has too many under way.
// The parent's row stays locked, so that two at once don't overshoot.
func mayHave(ctx context.Context, tx *store.Tx, parent *ent.Run) error {
	if parent.Depth >= maxDepth {
		return problem.New(problem.PreconditionFailed,
			"the work has been handed down %d times already, which is as often as it may be: do it yourself", parent.Depth)
	}
	if err := Hold(ctx, tx, parent.ID); err != nil {
		return err
	}
	n, err := tx.Ent.Run.Query().Where(run.ParentID(parent.ID), unended()).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the runs below run %s: %w", parent.ID, err)
	}
	if n >= maxFanOut {
		return problem.New(problem.PreconditionFailed,
			"%d runs whose work this one gave are under way, which is as many as may be: wait for one of them to end", n)
	}
	return nil
}
