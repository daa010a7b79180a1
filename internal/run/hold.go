package run

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// watchEvery is how often a worker looks whether its runs are to be stopped.
	watchEvery = 100 * time.Millisecond
	// beatSize is how many leases one statement renews.
	beatSize = 500
)

// beatLimit is how long the database may take to renew leases. PostgreSQL is asked anew
// then, on another connection. SQLite has the whole term, as its writers take turns.
func beatLimit(of string) time.Duration {
	if of == dialect.Postgres {
		return 2 * time.Second
	}
	return leaseTerm
}

// hold is a lease that this worker has, with a step under way.
type hold struct {
	lease *lease
	// end cuts the step.
	end context.CancelCauseFunc
	// renewed is when the lease was last known to be good. Only keep's beats use it.
	renewed time.Time
}

// hold has the lease renewed until release is called, and ends the context when it is
// lost, when the run is to be cancelled or paused, when the step's time is over, or
// when no renewal came through for a term.
func (e *Engine) hold(ctx context.Context, l *lease) (held context.Context, release func()) {
	held, end := context.WithCancelCause(ctx)
	held, timer := context.WithTimeoutCause(held, e.queue.deadlines.Step, errStepTime)
	h := &hold{lease: l, end: end, renewed: time.Now()}
	e.mu.Lock()
	e.held[h] = struct{}{}
	e.mu.Unlock()
	return held, func() {
		e.mu.Lock()
		delete(e.held, h)
		e.mu.Unlock()
		end(context.Canceled)
		timer()
	}
}

// holds lists them.
func (e *Engine) holds() []*hold {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*hold, 0, len(e.held))
	for h := range e.held {
		all = append(all, h)
	}
	return all
}

// interruptHeld cuts the step of a run that this worker holds.
func (e *Engine) interruptHeld(runID string, cause error) {
	for _, h := range e.holds() {
		if h.lease.run.ID == runID {
			h.end(cause)
		}
	}
}

// keep renews all leases of this worker at every beat, together.
func (e *Engine) keep(ctx context.Context) {
	defer e.beats.Wait()
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for batch := range slices.Chunk(e.holds(), beatSize) {
			e.beat(ctx, batch)
		}
	}
}

// beat renews leases. It doesn't wait for the database for ever: a connection may have
// died without a word, and the leases' time passes. A lease that was not renewed for a
// term is lost, whatever the database says of it later.
func (e *Engine) beat(ctx context.Context, holds []*hold) {
	ctx, cancel := context.WithTimeout(ctx, e.beatLimit)
	begun := time.Now()
	type answer struct {
		good []*hold
		err  error
	}
	answered := make(chan answer, 1)
	e.beats.Go(func() {
		defer cancel()
		good, err := e.renew(ctx, holds)
		answered <- answer{good, err}
	})
	var a answer
	select {
	case a = <-answered:
	case <-ctx.Done():
		a.err = ctx.Err()
	}
	for _, h := range a.good {
		h.renewed = begun
	}
	if a.err == nil {
		return
	}
	for _, h := range holds {
		if time.Since(h.renewed) > leaseTerm {
			h.end(errLost)
		}
	}
}

// renew extends leases by one statement, each if it is still the run's newest, and
// returns those that are good. A row that a transaction has locked is not waited for,
// as all others would wait with it: it is the step's own, which renews the lease by
// itself, or somebody's who takes the run, which the next look tells.
func (e *Engine) renew(ctx context.Context, holds []*hold) (good []*hold, err error) {
	skip := ""
	if e.db.Dialect == dialect.Postgres {
		skip = " FOR UPDATE SKIP LOCKED"
	}
	var pairs strings.Builder
	args := []any{enum.RunRunning, e.id}
	for i, h := range holds {
		if i > 0 {
			pairs.WriteString(" OR ")
		}
		args = append(args, h.lease.run.ID, h.lease.epoch)
		fmt.Fprintf(&pairs, "id = $%d AND epoch = $%d", len(args)-1, len(args))
	}
	statement := fmt.Sprintf(`WITH mine AS MATERIALIZED (SELECT id FROM runs WHERE state = $1 AND lease_owner = $2 AND (%s)%s)
		UPDATE runs SET lease_until = %s + %d WHERE id IN (SELECT id FROM mine) RETURNING id`,
		&pairs, skip, store.NowMillis(e.db.Dialect), leaseTerm.Milliseconds())
	end, err := e.db.TurnAhead(ctx)
	if err != nil {
		return nil, fmt.Errorf("renew %d leases: %w", len(holds), err)
	}
	defer end()
	rows, err := e.db.SQL.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("renew %d leases: %w", len(holds), err)
	}
	defer func() { _ = rows.Close() }()
	renewed := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		renewed[id] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("renew %d leases: %w", len(holds), err)
	}
	var doubtful []*hold
	for _, h := range holds {
		if renewed[h.lease.run.ID] {
			good = append(good, h)
		} else {
			doubtful = append(doubtful, h)
		}
	}
	end()
	sound, err := e.look(ctx, doubtful)
	return append(good, sound...), err
}

// watch looks, for all runs of this worker at once, whether they are to be stopped.
func (e *Engine) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for batch := range slices.Chunk(e.holds(), beatSize) {
			_, _ = e.look(ctx, batch) // when the database is away, the leases tell what that means
		}
	}
}

// look reads what became of runs and cuts the steps of those that are gone, lost, or to
// be cancelled or paused. It returns those whose leases are good.
func (e *Engine) look(ctx context.Context, holds []*hold) (good []*hold, err error) {
	if len(holds) == 0 {
		return nil, nil
	}
	ids := make([]string, len(holds))
	for i, h := range holds {
		ids[i] = h.lease.run.ID
	}
	found, err := e.db.Ent.Run.Query().Where(run.IDIn(ids...)).
		Select(run.FieldID, run.FieldState, run.FieldEpoch, run.FieldLeaseOwner, run.FieldCancelRequested, run.FieldPauseRequested).
		All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at %d runs: %w", len(holds), err)
	}
	byID := make(map[string]*ent.Run, len(found))
	for _, r := range found {
		byID[r.ID] = r
	}
	for _, h := range holds {
		r := byID[h.lease.run.ID]
		if r == nil || r.State.Ended() && r.LeaseOwner == h.lease.owner { // see Abandon
			h.end(errGone)
			continue
		}
		if r.State != enum.RunRunning || r.Epoch != h.lease.epoch || r.LeaseOwner != h.lease.owner {
			h.end(errLost)
			continue
		}
		good = append(good, h)
		switch {
		case r.CancelRequested:
			h.end(errCancelled)
		case r.PauseRequested:
			h.end(errPaused)
		}
	}
	return good, nil
}
