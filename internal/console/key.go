package console

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/consolekey"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// keyPrefix tells these keys from those that must be kept secret.
const keyPrefix = "zbc_"

// longestKey is beyond the length of any key.
const longestKey = 64

// Rotate makes the project's key, in the place of the one that it had, which opens
// nothing any more. It needs the role EDITOR.
func (s *Service) Rotate(ctx context.Context, projectID string) (*ent.ConsoleKey, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	var made *ent.ConsoleKey
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := revoke(ctx, tx, projectID); err != nil {
			return err
		}
		made, err = tx.Ent.ConsoleKey.Create().SetProjectID(projectID).SetKey(keyPrefix + strings.ToLower(rand.Text())).
			SetCreatedByID(viewer.UserID).Save(ctx)
		if ent.IsConstraintError(err) {
			return problem.New(problem.Conflict, "somebody else has made a key at the same moment; look at it")
		}
		return err
	})
	return made, err
}

// Revoke removes the project's key, if it has one. It needs the role EDITOR.
func (s *Service) Revoke(ctx context.Context, projectID string) error {
	return s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return revoke(ctx, tx, projectID) })
}

func revoke(ctx context.Context, tx *store.Tx, projectID string) error {
	if err := access.RequireRole(ctx, tx.Ent, projectID, enum.ProjectEditor); err != nil {
		return err
	}
	_, err := tx.Ent.ConsoleKey.Delete().Where(consolekey.ProjectID(projectID)).Exec(ctx)
	return err
}

// projectOf is whose key it is, asked as the actor Console.
func projectOf(ctx context.Context, c *ent.Client, key string) (string, error) {
	unknown := problem.New(problem.Unauthenticated, "no project has this key: it was revoked, or another was put in its place")
	if !strings.HasPrefix(key, keyPrefix) || len(key) > longestKey {
		return "", unknown
	}
	found, err := c.ConsoleKey.Query().Where(consolekey.Key(key)).Only(ctx)
	if ent.IsNotFound(err) || store.Unfit(err) {
		return "", unknown
	}
	if err != nil {
		return "", err
	}
	return found.ProjectID, nil
}
