package command

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/store"
)

// Again has a command run once more, on another branch, as a part of tx. It belongs to no
// run: it is for whoever looks whether what the command showed still holds.
func (s *Service) Again(ctx context.Context, tx *store.Tx, c *ent.Command, branch string) (*ent.Command, error) {
	made, err := tx.Ent.Command.Create().SetProjectID(c.ProjectID).SetUserID(c.UserID).SetBranch(branch).
		SetShell(c.Shell).SetArgv(c.Argv).SetDirectory(c.Directory).SetEnvironment(c.Environment).SetStdin(c.Stdin).
		SetTimeoutMs(c.TimeoutMs).SetState(enum.CommandQueued).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("run command %s again: %w", c.ID, err)
	}
	tx.AfterCommit(s.hint)
	return made, nil
}
