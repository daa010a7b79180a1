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
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/checkpoint"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Options are the parts that an Engine works with, and its bounds.
type Options struct {
	DB        *store.DB
	Log       *stream.Log
	Deltas    *stream.Deltas
	Queue     *Queue
	Workspace *workspace.Workspace
	Commands  tools.Commands
	Console   tools.Console // of the projects' apps
	Security  tools.Security
	Models    Models
	Agents    map[string]route.Agent // what is wanted of agents' models, by slug
	Merges    Merges                 // nil: the branches of runs are not merged by themselves
	Questions tools.Questions        // to people
	Plans     Plans                  // nil: there are no plans
	// Checkpoints are recorded before calls that may change something; nil: none are.
	Checkpoints *checkpoint.Service
	// Permissions say which calls are made; nil: all are.
	Permissions Permissions
	Logger      *slog.Logger

	// BudgetWait is how long a call of a model waits for others under way that hold what
	// it needs of a budget; then its run is paused. 0: 30 seconds; negative: not at all.
	BudgetWait time.Duration

	// Slots is how many steps this worker makes at once; they mostly wait for
	// models. 100 by default.
	Slots int
	// ProjectLimit and OrganisationLimit are how many steps all workers together make
	// at once for one project and one organisation. 0: no limit.
	ProjectLimit      int
	OrganisationLimit int
	// Deadlines bound how long things may take, and Limits what one run may do.
	Deadlines Deadlines
	Limits    Limits
	// Drain is how long the steps under way may go on when the worker is stopped;
	// then their runs are handed over. 0: 30 seconds; negative: not at all.
	Drain time.Duration
}

// Models is where the models of a project's calls are picked, with the keys that it may
// use.
type Models interface {
	For(ctx context.Context, projectID string) (*route.Router, error)
}

const (
	defaultSlots      = 100
	defaultDrain      = 30 * time.Second
	defaultBudgetWait = 30 * time.Second
)

// stopTimeout bounds how long steps that were cut short may take to hand their runs over.
var stopTimeout = 10 * time.Second

// Engine advances runs.
type Engine struct {
	*Control
	db          *store.DB
	deltas      *stream.Deltas
	workspace   *workspace.Workspace
	commands    tools.Commands
	console     tools.Console
	security    tools.Security
	models      Models
	agents      map[string]route.Agent
	merges      Merges
	questions   tools.Questions
	plans       Plans
	checkpoints *checkpoint.Service
	arguments   tools.Checker // of the tools' calls
	limits      Limits
	permissions Permissions
	logger      *slog.Logger
	id          string // names this worker in leases

	projectLimit, organisationLimit int
	drain, budgetWait, beatLimit    time.Duration

	counts  counters
	outages atomic.Int64  // steps in a row that failed because the database was not available
	slots   chan struct{} // holds a token for each step under way
	steps   sync.WaitGroup

	mu    sync.Mutex
	held  map[*hold]struct{}
	beats sync.WaitGroup // renewals under way
}

// NewEngine makes an engine; Run sets it to work. The queue is the engine's from
// here on.
func NewEngine(o Options) *Engine {
	if o.Slots <= 0 {
		o.Slots = defaultSlots
	}
	if o.Drain == 0 {
		o.Drain = defaultDrain
	}
	if o.BudgetWait == 0 {
		o.BudgetWait = defaultBudgetWait
	}
	id := relay.NewID("wrk")
	e := &Engine{
		Control: NewControl(o.Log, o.Queue),
		db:      o.DB, deltas: o.Deltas, workspace: o.Workspace, commands: o.Commands, console: o.Console, security: o.Security,
		models: o.Models, agents: o.Agents, merges: o.Merges, plans: o.Plans, questions: o.Questions, checkpoints: o.Checkpoints, permissions: o.Permissions, limits: o.Limits.withDefaults(), logger: o.Logger.With("worker", id),
		id: id, held: map[*hold]struct{}{},
		projectLimit: o.ProjectLimit, organisationLimit: o.OrganisationLimit, drain: o.Drain, budgetWait: o.BudgetWait, beatLimit: beatLimit(o.DB.Dialect),
		slots: make(chan struct{}, o.Slots),
	}
	e.ledger = usage.New(e.logger)
	o.Queue.deadlines, o.Queue.interrupt = o.Deadlines.withDefaults(), e.interruptHeld
	return e
}

// Run works until ctx ends. It then claims nothing any more, lets the steps under way finish
// for a while, and hands over the runs of those that don't, whose leases it renews until then.
func (e *Engine) Run(ctx context.Context) error {
	stop, err := e.queue.start(ctx)
	if err != nil {
		return err
	}
	work, cut := context.WithCancelCause(access.As(context.WithoutCancel(ctx), access.Engine))
	defer cut(nil)
	watching, watched := context.WithCancel(context.WithoutCancel(work))
	var loops sync.WaitGroup
	loops.Go(func() { e.sweepUntil(ctx) })
	loops.Go(func() { e.passOn(access.As(ctx, access.Engine)) })
	loops.Go(func() { e.dispatch(access.As(ctx, access.Engine), work) })
	var watcher sync.WaitGroup
	watcher.Go(func() { e.watch(watching) })
	watcher.Go(func() { e.keep(watching) })
	loops.Wait()

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.steps.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(e.drain):
		cut(errStopping)
		select {
		case <-ended:
		case <-time.After(2 * stopTimeout): // each has stopTimeout for its outcome
			err = errors.New("some steps did not end when they were cut short; other workers take their runs")
		}
	}
	watched()
	watcher.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(err, stop(end))
}

// step makes one step of a claimed run and writes what came of it.
func (e *Engine) step(ctx context.Context, l *lease) {
	logger := e.logger.With("run", l.run.ID, "project", l.run.ProjectID, "epoch", l.epoch, "step", l.run.Step)
	held, release := e.hold(ctx, l)
	defer release()
	err := e.advance(held, l)
	switch {
	case err == nil:
		e.outages.Store(0)
	case passing(err) && held.Err() == nil:
		e.rest(held, l, err)
	}
	cause := context.Cause(held)

	// The outcome is written even when the worker is being stopped.
	final, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	switch {
	case err == nil:
		return
	case errors.Is(cause, errGone):
		logger.InfoContext(ctx, "the run was deleted while it was worked on")
		return
	case errors.Is(err, stream.ErrStale):
		e.refuse(ctx, l)
		err = errLost
	case errors.Is(err, errLost), errors.Is(cause, errLost), errors.Is(err, ErrMoved):
		err = errLost
	case errors.Is(cause, errCancelled):
		err = e.finish(final, l, cancelled, "")
	case errors.Is(cause, errPaused):
		err = e.stopForNow(final, l)
	case errors.Is(cause, errStepTime):
		err = e.finish(final, l, failed, fmt.Sprintf("one step took longer than %s", e.queue.deadlines.Step))
	case ctx.Err() != nil:
		err = e.handOver(final, l)
	case isA[*usage.Exceeded](err):
		exceeded, _ := errors.AsType[*usage.Exceeded](err)
		logger.InfoContext(ctx, "the run waits for a budget to be raised", "why", exceeded)
		err = e.askForMoney(final, l, exceeded)
	case passing(err):
		logger.WarnContext(ctx, "the step failed by something that may pass; the run is handed over", "takeovers", l.run.Takeovers, "error", err)
		err = e.setBack(final, l, err)
	default:
		logger.ErrorContext(ctx, "the run failed", "error", err)
		err = e.finish(final, l, failed, explain(err))
	}
	switch {
	case errors.Is(err, errLost), errors.Is(err, ErrMoved):
		e.counts.leasesLost.Add(1)
		logger.WarnContext(ctx, "the lease was lost: another worker has taken the run, or it has ended")
	case err != nil:
		logger.ErrorContext(ctx, "the run's outcome could not be written; the sweep goes on with it", "error", err)
	}
}

// finish ends the run and gives the next one of its conversation its turn.
func (e *Engine) finish(ctx context.Context, l *lease, what happening, why string) error {
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		return e.endBy(ctx, tx, l, what, why)
	})
	if err == nil {
		faults.Point(faults.RunFinished)
	}
	return err
}

// endBy ends the run as its worker does, in a transaction behind the fence.
func (e *Engine) endBy(ctx context.Context, tx *store.Tx, l *lease, what happening, why string) error {
	if what == succeeded && e.plans != nil {
		verification, gaps, err := e.plans.Verify(ctx, tx, l.run)
		if err != nil {
			return fmt.Errorf("see how far run %s is shown: %w", l.run.ID, err)
		}
		if err := tx.Ent.Run.UpdateOneID(l.run.ID).SetVerification(string(verification)).SetGaps(gaps).Exec(ctx); err != nil {
			return err
		}
	}
	r, err := e.end(ctx, tx, l, what, why, byAgent(l.run))
	if err != nil {
		return err
	}
	if what == succeeded {
		if err := e.mergeBranch(ctx, tx, r); err != nil {
			return err
		}
	}
	tx.BeforeCommit(func(context.Context) error { faults.Point(faults.RunFinishing); return nil })
	return nil
}

// stopForNow pauses the run, unless that was taken back meanwhile, or it is cancelled.
func (e *Engine) stopForNow(ctx context.Context, l *lease) error {
	again := false
	err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		r, err := tx.Ent.Run.Get(ctx, l.run.ID)
		if err != nil {
			return err
		}
		if r.CancelRequested {
			return e.endBy(ctx, tx, l, cancelled, "")
		}
		if again = !r.PauseRequested; again {
			return nil
		}
		_, err = e.park(ctx, tx, l, byAgent(l.run))
		return err
	})
	if err == nil && again {
		return e.handOver(ctx, l)
	}
	return err
}

// handOver gives the run back, in the middle of a step, to whoever comes first.
func (e *Engine) handOver(ctx context.Context, l *lease, set ...func(*ent.RunUpdate)) error {
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if _, err := e.move(ctx, tx, l.run, freed, set...); err != nil {
			return err
		}
		return e.queue.Enqueue(ctx, tx, l.run.ID)
	})
}

// setBack gives the run back after a failure that may pass. It counts as a take-over,
// so that a run that fails whoever works on it comes to an end; that the database was
// not available is not the run's fault, and counts for nothing.
func (e *Engine) setBack(ctx context.Context, l *lease, why error) error {
	if store.Unavailable(why) {
		return e.handOver(ctx, l)
	}
	if l.run.Takeovers+1 >= maxTakeovers {
		return e.finish(ctx, l, failed, "it failed ten times in a row without finishing a step: "+internal)
	}
	return e.handOver(ctx, l, func(u *ent.RunUpdate) { u.AddTakeovers(1) })
}

const (
	restFirst = 100 * time.Millisecond
	restMost  = 5 * time.Second
	// outageRest is how long a step rests at most while the database is not available,
	// since each that is tried in vain has asked the model.
	outageRest = 10 * time.Second
)

// rest keeps a run that failed before from failing again at once: what is broken may
// need some seconds. The first failure and the last don't wait.
func (e *Engine) rest(ctx context.Context, l *lease, why error) {
	failures, most := int64(l.run.Takeovers), restMost
	switch {
	case store.Unavailable(why):
		failures, most = e.outages.Add(1), outageRest
	case failures == 0, failures+1 >= maxTakeovers:
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(min(restFirst<<min(failures-1, 10), most)):
	}
}

// passing says whether an error is of the surroundings, such as a database that is
// away, and not of the run: another attempt may succeed.
func passing(err error) bool {
	if err == nil || errors.Is(err, errLost) || errors.Is(err, ErrMoved) ||
		errors.Is(err, stream.ErrStale) || errors.Is(err, stream.ErrRefused) {
		return false
	}
	for _, is := range []func(error) bool{isA[*llm.Error], isA[*stopped], isA[lasting], isA[*usage.Exceeded]} {
		if is(err) {
			return false
		}
	}
	return true
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// lasting is an error that is the same for whoever tries again.
type lasting struct{ error }

func (l lasting) Unwrap() error { return l.error }

// internal is said of what isn't for people's eyes.
const internal = "an internal error; the server's log has the run's id"

// explain says in words for people why a run failed.
func explain(err error) string {
	if e, ok := errors.AsType[*llm.Error](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*stopped](err); ok {
		return e.why
	}
	return internal
}

// stopped is a run's end that is nobody's error.
type stopped struct{ why string }

func (s *stopped) Error() string { return s.why }
