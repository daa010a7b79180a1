package command

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entsandbox "github.com/zeblit/zeblit/ent/sandbox"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
)

// Wish asks for something to be done with a project's sandbox, which happens within a
// second. It needs the role EDITOR. What was asked before and isn't done yet is forgotten.
// NOT_FOUND when there is no sandbox, unless it is to be woken.
func (s *Service) Wish(ctx context.Context, projectID string, wish enum.SandboxWish) (row *ent.Sandbox, err error) {
	if relay.IDPrefix(projectID) != "prj" {
		return nil, problem.Missing("projectId", "project")
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := access.RequireRole(ctx, tx.Ent, projectID, enum.ProjectEditor); err != nil {
			return err
		}
		if wish == enum.WishWake {
			err := tx.Ent.Sandbox.Create().SetProjectID(projectID).SetState(enum.SandboxStarting).
				OnConflictColumns(entsandbox.FieldProjectID).Ignore().Exec(ctx)
			if err != nil {
				return err
			}
		}
		n, err := tx.Ent.Sandbox.Update().Where(entsandbox.ProjectID(projectID)).SetWanted(wish).Save(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return problem.New(problem.NotFound, "the project has no sandbox yet: its first command makes one")
		}
		row, err = tx.Ent.Sandbox.Query().Where(entsandbox.ProjectID(projectID)).Only(ctx)
		return err
	})
	return row, err
}
