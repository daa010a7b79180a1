package run

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// belowQuery locks the runs below one that have not ended, as far as there are such in
// between, in the order of their ids.
var belowQuery = func() string {
	ended := fmt.Sprintf("('%s', '%s', '%s')", enum.RunSucceeded, enum.RunFailed, enum.RunCancelled)
	return `WITH RECURSIVE below (id) AS (
		SELECT id FROM runs WHERE parent_id = $1 AND state NOT IN ` + ended + `
		UNION ALL SELECT r.id FROM runs AS r JOIN below AS b ON r.parent_id = b.id WHERE r.state NOT IN ` + ended + `
	) SELECT id FROM runs WHERE id IN (SELECT id FROM below) ORDER BY id FOR NO KEY UPDATE`
}()

// HoldBelow locks all runs below one that ends or pauses with those below it, until the
// transaction ends. It comes right behind the run's own row: whoever ends one of them has
// that one's row and comes to the budgets then, in which they settle, and to what else the
// runs of a tree share. Who came to these first would wait for the row, and be waited for.
func HoldBelow(ctx context.Context, tx *store.Tx, runID string) error {
	if tx.Dialect != dialect.Postgres { // SQLite has one writer
		return nil
	}
	for held := 0; ; {
		locked, err := tx.SQL.ExecContext(ctx, belowQuery, runID)
		if err != nil {
			return fmt.Errorf("hold the runs below run %s: %w", runID, err)
		}
		n, err := locked.RowsAffected()
		if err != nil || int(n) <= held {
			return err
		}
		held = int(n) // one of them may have got another below it before it was held
	}
}

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
