package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/store"
)

// happening is what moves a run from one state to the next.
type happening string

const (
	claimed   happening = "claimed"   // a worker takes it for a step
	freed     happening = "freed"     // its worker has ended the step, or hands it over in the middle
	lost      happening = "lost"      // its worker is given up: the lease ran out, or the step took too long
	succeeded happening = "succeeded" // its work is done
	failed    happening = "failed"    // its work can't be done
	cancelled happening = "cancelled" // a person ended it
	paused    happening = "paused"    // a person paused it, or a budget has no room for its next call
	resumed   happening = "resumed"   // a person lets it go on
	asksLeave happening = "asksLeave" // a person has to allow something
	asksInput happening = "asksInput" // a person has to answer something
	asksCrew  happening = "asksCrew"  // other agents have to do something first
	answered  happening = "answered"  // what it waited for is there
	overdue   happening = "overdue"   // its deadline has passed
)

// transitions is every change of state that there is. A run that has ended never
// changes again: a retry is a new run.
var transitions = map[happening]map[enum.RunState]enum.RunState{
	claimed: {enum.RunQueued: enum.RunRunning, enum.RunRunning: enum.RunRunning},
	freed:   {enum.RunRunning: enum.RunRunning},
	lost:    {enum.RunRunning: enum.RunRunning},

	succeeded: {enum.RunRunning: enum.RunSucceeded},
	failed:    {enum.RunRunning: enum.RunFailed},
	cancelled: {
		enum.RunQueued: enum.RunCancelled, enum.RunRunning: enum.RunCancelled, enum.RunPaused: enum.RunCancelled,
		enum.RunWaitingForApproval: enum.RunCancelled, enum.RunWaitingForInput: enum.RunCancelled, enum.RunWaitingForAgents: enum.RunCancelled,
	},

	paused:    {enum.RunQueued: enum.RunPaused, enum.RunRunning: enum.RunPaused},
	resumed:   {enum.RunPaused: enum.RunQueued},
	asksLeave: {enum.RunRunning: enum.RunWaitingForApproval},
	asksInput: {enum.RunRunning: enum.RunWaitingForInput},
	asksCrew:  {enum.RunRunning: enum.RunWaitingForAgents},
	answered:  {enum.RunWaitingForApproval: enum.RunQueued, enum.RunWaitingForInput: enum.RunQueued, enum.RunWaitingForAgents: enum.RunQueued},

	overdue: {
		enum.RunQueued: enum.RunCancelled, enum.RunRunning: enum.RunFailed, enum.RunPaused: enum.RunCancelled,
		enum.RunWaitingForApproval: enum.RunCancelled, enum.RunWaitingForInput: enum.RunCancelled, enum.RunWaitingForAgents: enum.RunCancelled,
	},
}

// ErrMoved says that the run is no longer as it was read: somebody else moved it. The
// whole transaction can be done again.
var ErrMoved = errors.New("the run was changed by somebody else")

// move is the one way in which a run's state, its lease and its deadline change. It
// writes only if the run still is as it was read in r: same state, same epoch, same
// owner; otherwise it returns ErrMoved. set adds to the same statement. Except when
// its worker frees it the run counts a new epoch, so that whatever an earlier worker
// still writes is refused. It returns the run as it is now.
func (c *Control) move(ctx context.Context, tx *store.Tx, r *ent.Run, what happening, set ...func(*ent.RunUpdate)) (*ent.Run, error) {
	to, legal := transitions[what][r.State]
	if !legal {
		return nil, fmt.Errorf("a run that is %s can't be %s", r.State, what)
	}
	update := tx.Ent.Run.Update().
		Where(run.ID(r.ID), run.StateEQ(r.State), run.Epoch(r.Epoch), run.LeaseOwner(r.LeaseOwner)).
		SetState(to)
	switch what {
	case claimed:
		update.AddEpoch(1).ClearWaitsUntil().SetWaitsFor("")
	case resumed:
		update.AddEpoch(1).SetLeaseOwner("").SetStepUntil(0).SetWaitsFor("")
	case freed:
		update.SetLeaseOwner("").SetStepUntil(0)
	default: // the epoch moves on at once, so that a late worker's writes are refused
		update.AddEpoch(1).SetLeaseOwner("").SetStepUntil(0)
	}
	switch to {
	case enum.RunQueued, enum.RunRunning:
		update.Modify(after(tx, run.FieldLeaseUntil, leaseTerm))
	default:
		update.SetLeaseUntil(0)
	}
	switch {
	case to.Ended():
		update.SetDeadlineAt(0).SetFinishedAt(store.Now())
	case to != r.State:
		update.Modify(after(tx, run.FieldDeadlineAt, c.queue.deadlines.of(to)))
	}
	if to == enum.RunPaused || to.Ended() { // what waits keeps it until its turn
		update.SetPauseRequested(false)
	}
	for _, f := range set {
		f(update)
	}
	n, err := update.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("move run %s: %w", r.ID, err)
	}
	if n == 0 {
		return nil, ErrMoved
	}
	return tx.Ent.Run.Get(ctx, r.ID)
}

// after sets a field to a time of the database's clock.
func after(tx *store.Tx, field string, d time.Duration) func(*sql.UpdateBuilder) {
	return func(u *sql.UpdateBuilder) {
		u.Set(field, sql.Expr(fmt.Sprintf("%s + %d", store.NowMillis(tx.Dialect), d.Milliseconds())))
	}
}

// Deadlines bound how long things may take. Zero is the default of each; a default
// is meant to be met only by what has gone wrong.
type Deadlines struct {
	// Step is how long one call of the model and its tools may take together, retries
	// included; then the run fails. An hour by default.
	Step time.Duration
	// Tool is how long one use of a tool may take; then the model is told so. 10
	// minutes by default.
	Tool time.Duration
	// Run is how long a run may take from when it begins or goes on after a wait; then
	// it fails. 24 hours by default.
	Run time.Duration
	// Queue is how long a run may wait for its turn, Pause for somebody to let it go
	// on, and Answer for an approval, an answer or other agents; then it is cancelled. 14, 7 and 7
	// days by default.
	Queue  time.Duration
	Pause  time.Duration
	Answer time.Duration
}

func (d Deadlines) withDefaults() Deadlines {
	const day = 24 * time.Hour
	set := func(field *time.Duration, value time.Duration) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&d.Step, time.Hour)
	set(&d.Tool, 10*time.Minute)
	set(&d.Run, day)
	set(&d.Queue, 14*day)
	set(&d.Pause, 7*day)
	set(&d.Answer, 7*day)
	return d
}

// of is how long a run may stay in state.
func (d Deadlines) of(state enum.RunState) time.Duration {
	switch state {
	case enum.RunQueued:
		return d.Queue
	case enum.RunPaused:
		return d.Pause
	case enum.RunWaitingForApproval, enum.RunWaitingForInput, enum.RunWaitingForAgents:
		return d.Answer
	}
	return d.Run
}

// overdueBecause says to people why a run ended by its deadline in state.
func overdueBecause(state enum.RunState, limit time.Duration) string {
	switch state {
	case enum.RunQueued:
		return fmt.Sprintf("it waited %s for its turn", limit)
	case enum.RunPaused:
		return fmt.Sprintf("it was paused for %s and nobody let it go on", limit)
	case enum.RunWaitingForApproval, enum.RunWaitingForInput:
		return fmt.Sprintf("it waited %s for an answer", limit)
	case enum.RunWaitingForAgents:
		return fmt.Sprintf("it waited %s for other agents", limit)
	}
	return fmt.Sprintf("it ran longer than %s", limit)
}
