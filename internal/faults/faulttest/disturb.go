package faulttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zeblit/zeblit/internal/faults"
)

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
	return s.back(ctx)
}

// back is how long it takes from now until a message is accepted.
func (s *Suite) back(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	input := sendInput(s.Load.Projects[0].ID, "", fmt.Sprintf("%s (back %d)", note, rand.Int64()), fmt.Sprint(rand.Int64()))
	input["agent"] = "none"
	for n := 0; ; n++ {
		_, err := s.Load.once(ctx, input, n)
		if err == nil {
			return time.Since(begun), nil
		}
		if !excusable(err) || time.Since(begun) > patience {
			return 0, fmt.Errorf("after the outage: %w", err)
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
		if err := slot.Stop(patience); err != nil {
			return err
		}
		if err := slot.Start(""); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Short is a bit of everything: n kills of workers, every crash point among them, with
// workers stopped past their leases, PostgreSQL and Redis restarted, connections cut
// and stalled, backends terminated and statements failing along the way.
func (s *Suite) Short(ctx context.Context, n int) error {
	if err := s.Kill(ctx, n); err != nil {
		return err
	}
	if err := s.In.calm(ctx); err != nil {
		return err
	}
	for i, point := range []string{"", faults.ModelAnswered, faults.ToolExecuted + "/" + countOnce} {
		if _, _, err := s.Freeze(ctx, s.In.Workers[i], point); err != nil {
			return err
		}
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
