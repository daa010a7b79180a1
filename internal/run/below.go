package run

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// eachBelow does act to the runs whose work this one gave, as a part of tx.
func (c *Control) eachBelow(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor, act command) error {
	below, err := tx.Ent.Run.Query().Where(run.ParentID(r.ID), unended()).Order(ent.Asc(run.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("look for the runs below run %s: %w", r.ID, err)
	}
	for _, one := range below {
		_, err := inRace(func() (*ent.Run, error) {
			now, err := tx.Ent.Run.Get(ctx, one.ID)
			if err != nil {
				return nil, err
			}
			return act(ctx, tx, now, by)
		})
		if err != nil {
			return fmt.Errorf("run %s below run %s: %w", one.ID, r.ID, err)
		}
	}
	return nil
}
