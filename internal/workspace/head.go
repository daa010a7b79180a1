package workspace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"unicode/utf8"

	"entgo.io/ent/dialect"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/gitref"
	"github.com/zeblit/zeblit/internal/store"
)

// MainBranch is where work lands.
const MainBranch = "main"

// errMoved says that a branch was moved by somebody else in the meantime.
var errMoved = errors.New("the branch has moved")

// head is the tip of a branch: the zero value while nothing was committed.
type head struct {
	hash plumbing.Hash
	// size is the bytes of all files at the tip, and files how many they are; -1 where
	// nobody has counted yet.
	size  int64
	files int
}

func refName(branch string) string { return plumbing.NewBranchReferenceName(branch).String() }

// readHead reads a branch. With lock, which only a transaction may ask for,
// nobody else moves it until the transaction ends; SQLite's transactions write
// alone anyhow.
func readHead(ctx context.Context, c *ent.Client, projectID, branch string, lock bool) (head, error) {
	if !utf8.ValidString(branch) || hasControl(branch) { // nor can a database look for it
		return head{}, nil
	}
	query := c.GitRef.Query().Where(gitref.ProjectID(projectID), gitref.Name(refName(branch)))
	if lock {
		query = query.ForUpdate()
	}
	ref, err := query.Only(ctx)
	if ent.IsNotFound(err) {
		return head{}, nil
	}
	if err != nil {
		return head{}, fmt.Errorf("read branch %s: %w", branch, err)
	}
	return head{hash: plumbing.NewHash(ref.Hash), size: ref.Size, files: ref.Files}, nil
}

// moveHead moves a branch from one tip to the next if it still is at the first,
// or else returns errMoved. A branch that isn't there yet is made. A lost race
// must not be an SQL error, since that would end PostgreSQL's transaction.
func moveHead(ctx context.Context, tx *store.Tx, projectID, branch string, from, to head) error {
	if from.hash.IsZero() {
		err := tx.Ent.GitRef.Create().
			SetProjectID(projectID).SetName(refName(branch)).SetHash(to.hash.String()).SetSize(to.size).SetFiles(to.files).
			OnConflictColumns(gitref.FieldProjectID, gitref.FieldName).DoNothing().Exec(ctx)
		if errors.Is(err, sql.ErrNoRows) { // DO NOTHING was done
			return errMoved
		}
		if err != nil {
			return fmt.Errorf("make branch %s: %w", branch, err)
		}
		return nil
	}
	moved, err := tx.Ent.GitRef.Update().
		Where(gitref.ProjectID(projectID), gitref.Name(refName(branch)), gitref.Hash(from.hash.String())).
		SetHash(to.hash.String()).SetSize(to.size).SetFiles(to.files).Save(ctx)
	if err != nil {
		return fmt.Errorf("move branch %s: %w", branch, err)
	}
	if moved != 1 {
		return errMoved
	}
	return nil
}

// canLock reports whether the database knows row locks.
func canLock(tx *store.Tx) bool { return tx.Dialect == dialect.Postgres }
