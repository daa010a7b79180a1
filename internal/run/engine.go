// Package run is durable execution: a run is an agent's work on one message, a
// state machine that short jobs advance. A step is one call of the model and the
// tool calls that it wants. Who makes a step is decided by a lease with an epoch
// in the run's row; every write of a step carries the epoch and is refused once
// another worker has taken over, in the same transaction. Nothing that matters
// is in memory between two steps, or lost when a worker dies within one.
package run

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Options are the parts that an Engine works with.
type Options struct {
	DB        *store.DB
	Log       *stream.Log
	Deltas    *stream.Deltas
	Queue     *Queue
	Workspace *workspace.Workspace
	Provider  llm.Provider
	Backoff   llm.Backoff
	Logger    *slog.Logger
}

// Engine advances runs.
type Engine struct {
	db        *store.DB
	log       *stream.Log
	deltas    *stream.Deltas
	queue     *Queue
	workspace *workspace.Workspace
	provider  llm.Provider
	backoff   llm.Backoff
	logger    *slog.Logger
	id        string // names this worker in leases

	mu   sync.Mutex
	held map[string]context.CancelCauseFunc // by run
}

// NewEngine makes an engine; Run sets it to work.
func NewEngine(o Options) *Engine {
	return &Engine{
		db: o.DB, log: o.Log, deltas: o.Deltas, queue: o.Queue, workspace: o.Workspace,
		provider: o.Provider, backoff: o.Backoff, logger: o.Logger,
		id: relay.NewID("wrk"), held: map[string]context.CancelCauseFunc{},
	}
}

// stopTimeout bounds how long the steps may take to hand their runs over.
const stopTimeout = 10 * time.Second

// Run works until ctx ends. The steps under way are then cut short and their
// runs handed over.
func (e *Engine) Run(ctx context.Context) error {
	stop, err := e.queue.start(ctx, e.step)
	if err != nil {
		return err
	}
	e.sweepUntil(ctx)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return stop(end)
}

// step makes one step of the run, if it is this worker's to make.
func (e *Engine) step(ctx context.Context, runID string) {
	ctx = access.As(ctx, access.Engine)
	logger := e.logger.With("run", runID)
	l, err := e.claim(ctx, runID)
	if err != nil {
		logger.ErrorContext(ctx, "claim failed; the sweep tries again", "error", err)
		return
	}
	if l == nil {
		return
	}
	logger = logger.With("project", l.run.ProjectID, "epoch", l.epoch, "step", l.run.Step)
	held, release := e.hold(ctx, l)
	err = e.advance(held, l)
	cause := context.Cause(held)
	release()

	// The outcome is written even when the worker is being stopped.
	final, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	switch {
	case err == nil:
		return
	case errors.Is(cause, errCancelled):
		err = e.finish(final, l, enum.RunCancelled, "")
	case errors.Is(err, errLost), errors.Is(cause, errLost), errors.Is(err, stream.ErrStale):
		logger.WarnContext(ctx, "the run was taken over by another worker")
		return
	case ctx.Err() != nil:
		err = e.handOver(final, l)
	default:
		logger.ErrorContext(ctx, "the run failed", "error", err)
		err = e.finish(final, l, enum.RunFailed, explain(err))
	}
	if err != nil && !errors.Is(err, errLost) {
		logger.ErrorContext(ctx, "the run's outcome could not be written; the sweep goes on with it", "error", err)
	}
}

// finish ends the run and gives the next one of its conversation its turn.
func (e *Engine) finish(ctx context.Context, l *lease, state enum.RunState, why string) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if err := e.interruptLeftovers(ctx, tx, l); err != nil {
			return err
		}
		return e.end(ctx, tx, l.run.ID, l.handle, state, why)
	})
}

// end writes the final state of a run that the transaction already holds.
func (e *Engine) end(ctx context.Context, tx *store.Tx, runID string, handle access.StreamHandle, state enum.RunState, why string) error {
	r, err := tx.Ent.Run.UpdateOneID(runID).SetState(state).SetError(why).
		SetLeaseOwner("").SetLeaseUntil(0).SetFinishedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	e.log.Append(tx, handle, stateChanged(r, byAgent(r)))
	return e.enqueueNext(ctx, tx, r.ConversationID)
}

func (e *Engine) enqueueNext(ctx context.Context, tx *store.Tx, conversationID string) error {
	next, err := tx.Ent.Run.Query().
		Where(run.ConversationID(conversationID), run.StateEQ(enum.RunQueued)).
		Order(ent.Asc(run.FieldID)).FirstID(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.queue.Enqueue(ctx, tx, next)
}

// handOver gives the run back, in the middle of a step, to whoever comes first.
func (e *Engine) handOver(ctx context.Context, l *lease) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if err := e.free(ctx, tx, l.run.ID); err != nil {
			return err
		}
		return e.queue.Enqueue(ctx, tx, l.run.ID)
	})
}

// free leaves the run without an owner. Its lease goes on for a term, after which
// the sweep looks for a lost job.
func (e *Engine) free(ctx context.Context, tx *store.Tx, runID string) error {
	return tx.Ent.Run.Update().Where(run.ID(runID)).SetLeaseOwner("").Modify(e.extend).Exec(ctx)
}

// explain says in words for people why a run failed.
func explain(err error) string {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*stopped](err); ok {
		return e.why
	}
	return "an internal error; the server's log has the run's id"
}

// stopped is a run's end that is nobody's error.
type stopped struct{ why string }

func (s *stopped) Error() string { return s.why }
