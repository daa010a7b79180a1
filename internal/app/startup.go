package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// startPause is how long a start waits before it tries the database again.
	startPause = 500 * time.Millisecond
	// startTold is how far apart it says so.
	startTold = 10 * time.Second
)

// whileStarting calls start again until the database is available, for as long as the
// settings let it: the parts of an installation may be started in any order, and a
// database that restarts ends no node that is just beginning.
func whileStarting[T any](ctx context.Context, cfg config.Config, logger *slog.Logger, start func() (T, error)) (T, error) {
	var told time.Time
	for begun := time.Now(); ; {
		made, err := start()
		if err == nil || cfg.Embedded() || !store.Unavailable(err) || ctx.Err() != nil || time.Since(begun) >= cfg.DatabaseWait {
			return made, err
		}
		if time.Since(told) >= startTold {
			logger.WarnContext(ctx, "the database is not available; trying again", "until", begun.Add(cfg.DatabaseWait), "error", err)
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return made, err
		case <-time.After(startPause):
		}
	}
}
