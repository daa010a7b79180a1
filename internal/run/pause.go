package run

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// pause stops the run and all that work for it: at once, or by telling the worker that
// holds one. One that waits stops when what it waits for is there, or when its turn comes.
func (c *Control) pause(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor) (*ent.Run, error) {
	if r.State.Ended() {
		return nil, problem.New(problem.Conflict, "the run is %s: one that has ended can't be paused", r.State)
	}
	if err := Hold(ctx, tx, r.ID); err != nil {
		return nil, err
	}
	if err := HoldBelow(ctx, tx, r.ID); err != nil {
		return nil, err
	}
	r, err := c.pauseOne(ctx, tx, r, by)
	if err != nil {
		return nil, err
	}
	return r, c.eachBelow(ctx, tx, r, by, c.pause)
}

func (c *Control) pauseOne(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor) (*ent.Run, error) {
	flag := func(u *ent.RunUpdate) { u.SetPauseRequested(true) }
	switch {
	case r.State == enum.RunPaused || r.PauseRequested:
		return r, nil
	case r.LeaseOwner != "":
		return c.request(ctx, tx, r, errPaused, flag)
	case transitions[paused][r.State] == "":
		return c.request(ctx, tx, r, nil, flag)
	}
	turn, err := tx.Ent.Run.Query().Where(run.ID(r.ID), itsTurn()).Exist(ctx)
	if err != nil {
		return nil, err
	}
	if !turn {
		return c.request(ctx, tx, r, nil, flag)
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
	if err != nil {
		return nil, err
	}
	return c.park(ctx, tx, &lease{run: r, handle: handle}, by)
}

// resume lets a paused run go on, and all that work for it, or takes back that they are to
// be paused.
func (c *Control) resume(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor) (*ent.Run, error) {
	if r.State.Ended() {
		return nil, problem.New(problem.Conflict, "the run is %s: one that has ended can't go on", r.State)
	}
	return c.letGoOn(ctx, tx, r, by)
}

func (c *Control) letGoOn(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor) (*ent.Run, error) {
	r, err := c.letOneGoOn(ctx, tx, r, by)
	if err != nil {
		return nil, err
	}
	return r, c.eachBelow(ctx, tx, r, by, c.letGoOn)
}

func (c *Control) letOneGoOn(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor) (*ent.Run, error) {
	switch {
	case r.State == enum.RunPaused:
	case r.PauseRequested:
		return c.request(ctx, tx, r, nil, func(u *ent.RunUpdate) { u.SetPauseRequested(false) })
	default:
		return r, nil
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
	if err != nil {
		return nil, err
	}
	if r, err = c.move(ctx, tx, r, resumed); err != nil {
		return nil, err
	}
	c.log.Append(tx, handle, stateChanged(r, by))
	return r, c.queue.Enqueue(ctx, tx, r.ID)
}
