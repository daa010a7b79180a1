package checkpoint

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zeblit/zeblit/ent"
	entcheckpoint "github.com/zeblit/zeblit/ent/checkpoint"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

// Retention is how long checkpoints are kept: one goes when it is older than Age and its
// project has Last newer ones.
type Retention struct {
	Age  time.Duration // 30 days by default
	Last int           // 200 by default
}

func (r Retention) withDefaults() Retention {
	if r.Age <= 0 {
		r.Age = 30 * 24 * time.Hour
	}
	if r.Last <= 0 {
		r.Last = 200
	}
	return r
}

const (
	// sweepEvery is the pause between two looks for old checkpoints, about.
	sweepEvery = 10 * time.Minute
	// sweepAtOnce bounds one transaction.
	sweepAtOnce = 500
)

// Run removes old checkpoints now and then until ctx ends. On several nodes at once it
// does no harm.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)):
		}
		if err := s.Sweep(access.As(ctx, access.Maintenance), time.Now()); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "old checkpoints could not be removed; it is tried again", "error", err)
		}
	}
}

// Sweep removes what is too old at a time. It needs the actor Maintenance.
func (s *Service) Sweep(ctx context.Context, now time.Time) error {
	old := entcheckpoint.CreatedAtLT(now.Add(-s.keep.Age).UTC())
	projects, err := s.db.Ent.Checkpoint.Query().Where(old).Unique(true).Select(entcheckpoint.FieldProjectID).Strings(ctx)
	if err != nil {
		return fmt.Errorf("look for old checkpoints: %w", err)
	}
	for _, project := range projects {
		of := entcheckpoint.ProjectID(project)
		last, err := s.db.Ent.Checkpoint.Query().Where(of).Order(ent.Desc(entcheckpoint.FieldID)).Offset(s.keep.Last).FirstID(ctx)
		if ent.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for the last checkpoints of %s: %w", project, err)
		}
		for more := true; more; {
			ids, err := s.db.Ent.Checkpoint.Query().Where(of, old, entcheckpoint.IDLTE(last)).Limit(sweepAtOnce).IDs(ctx)
			if err != nil {
				return err
			}
			more = len(ids) == sweepAtOnce
			err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
				if _, err := tx.Ent.Checkpoint.Delete().Where(entcheckpoint.IDIn(ids...)).Exec(ctx); err != nil {
					return err
				}
				return s.files.DropCheckpoints(ctx, tx, project, ids...)
			})
			if err != nil {
				return fmt.Errorf("remove old checkpoints of %s: %w", project, err)
			}
		}
	}
	return nil
}
