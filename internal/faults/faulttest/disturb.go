package faulttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Freeze stops a worker past its leases and lets it go on, and returns how many runs
// it had when it was stopped and how many of them another worker had by then.
func (s *Suite) Freeze(ctx context.Context, slot *Slot, d time.Duration) (had, taken int, err error) {
	var mine []held
	for begun := time.Now(); len(mine) == 0; { // with a run in its hands, or the stop proves nothing
		if time.Since(begun) > patience {
			return 0, 0, fmt.Errorf("%s got no run within %s", slot.name, patience)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return 0, 0, err
		}
		mine = s.holding(ctx, slot)
	}
	if err := slot.Freeze(); err != nil {
		return 0, 0, err
	}
	mine = s.holding(ctx, slot)
	s.did("SIGSTOP past the lease")
	if err := pause(ctx, d); err != nil {
		return 0, 0, err
	}
	for _, h := range mine {
		var epoch int64
		if err := s.In.db.QueryRowContext(ctx, "SELECT epoch FROM runs WHERE id = $1", h.run).Scan(&epoch); err != nil {
			return 0, 0, err
		}
		if epoch > h.epoch {
			taken++
		}
	}
	if err := slot.Thaw(); err != nil {
		return 0, 0, err
	}
	return len(mine), taken, pause(ctx, time.Second)
}

// RestartPostgres ends PostgreSQL as a crash does and starts it again after away. It
// returns how long after its return a message was accepted.
func (s *Suite) RestartPostgres(ctx context.Context, away time.Duration) (back time.Duration, err error) {
	s.did("PostgreSQL restarted")
	if err := s.In.postgres.Stop(); err != nil {
		return 0, err
	}
	if err := pause(ctx, away); err != nil {
		return 0, err
	}
	if err := s.In.postgres.Start(); err != nil {
		return 0, err
	}
	begun := time.Now()
	input := sendInput(s.Load.Projects[0].ID, "", fmt.Sprintf("%s (back %d)", note, rand.Int64()), fmt.Sprint(rand.Int64()))
	input["agent"] = "none"
	for n := 0; ; n++ {
		if _, err = s.Load.once(ctx, input, n); err == nil {
			return time.Since(begun), nil
		}
		if !excusable(err) || time.Since(begun) > time.Minute {
			return 0, fmt.Errorf("after PostgreSQL was back: %w", err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// RestartRedis kills Redis, with all that it knew, and starts it again after away.
func (s *Suite) RestartRedis(ctx context.Context, away time.Duration) error {
	s.did("Redis restarted")
	s.In.Redis.Stop()
	err := pause(ctx, away)
	s.In.Redis.Start()
	return err
}

// TerminateBackends ends every connection of the program from PostgreSQL's side.
func (s *Suite) TerminateBackends(ctx context.Context) error {
	s.did("backends terminated")
	const end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name ~ '^(server|worker)-'"
	var n int
	return s.In.db.QueryRowContext(ctx, end).Scan(&n)
}

// FailStatements has the engine's statements fail with probability p for d.
func (s *Suite) FailStatements(ctx context.Context, p float64, d time.Duration) error {
	s.did("statements failing (p = %g for %s)", p, d)
	set := func(p float64) error {
		_, err := s.In.db.ExecContext(context.WithoutCancel(ctx), "UPDATE audit.chance SET p = $1", p)
		return err
	}
	if err := set(p); err != nil {
		return err
	}
	err := pause(ctx, d)
	if err := set(0); err != nil {
		return err
	}
	return err
}

// Cut cuts all connections to PostgreSQL and Redis.
func (s *Suite) Cut() {
	s.did("connections cut")
	s.In.toPostgres.Cut()
	s.In.toRedis.Cut()
}

// Stall keeps everything to and from PostgreSQL and Redis waiting for d.
func (s *Suite) Stall(ctx context.Context, d time.Duration) error {
	s.did("connections stalled for %s", d)
	s.In.toPostgres.Stall(d)
	s.In.toRedis.Stall(d)
	return pause(ctx, d)
}

// Roll restarts every process, one after the other, as a deployment does.
func (s *Suite) Roll(ctx context.Context) error {
	s.did("all processes restarted, one by one")
	for _, slot := range s.In.all() {
		if err := slot.Stop(45 * time.Second); err != nil {
			return err
		}
		if err := slot.Start(""); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Short is a bit of everything: n kills of workers, every crash point among them, with
// one worker stopped past its lease, PostgreSQL and Redis restarted, connections cut
// and stalled, backends terminated and statements failing along the way.
func (s *Suite) Short(ctx context.Context, n int) error {
	if err := s.Kill(ctx, n); err != nil {
		return err
	}
	if err := s.In.calm(ctx); err != nil {
		return err
	}
	if _, _, err := s.Freeze(ctx, s.In.Workers[s.intn(len(s.In.Workers))], leaseOver); err != nil {
		return err
	}
	s.Cut()
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	if err := s.FailStatements(ctx, 0.02, 5*time.Second); err != nil {
		return err
	}
	if err := s.RestartRedis(ctx, time.Second); err != nil {
		return err
	}
	if err := s.TerminateBackends(ctx); err != nil {
		return err
	}
	if err := s.Stall(ctx, 2*time.Second); err != nil {
		return err
	}
	_, err := s.RestartPostgres(ctx, time.Second)
	return err
}

// leaseOver is long enough for another worker to have taken over.
const leaseOver = 8 * time.Second
