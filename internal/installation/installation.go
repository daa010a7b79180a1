// Package installation names the database as a whole, so that nodes which share
// other things, such as a Redis, can tell their own installation's from another's.
package installation

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

// ID returns the installation's id, the same on every node and for ever. The first
// call on a database makes it; of calls at once one does.
func ID(ctx context.Context, db *store.DB) (string, error) {
	ctx = access.As(ctx, access.Maintenance)
	id, err := db.Ent.Installation.Query().OnlyID(ctx)
	if ent.IsNotFound(err) {
		err = db.Ent.Installation.Create().SetSingle(1).Exec(ctx)
		if err == nil || ent.IsConstraintError(err) { // or another was faster
			id, err = db.Ent.Installation.Query().OnlyID(ctx)
		}
	}
	if err != nil {
		return "", fmt.Errorf("read the installation's id: %w", err)
	}
	return id, nil
}
