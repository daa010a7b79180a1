package permission

import (
	"context"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/approval"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// Revoke takes back an approval for a run or for the project: the same call is asked about
// again from now on. The viewer needs the role EDITOR, and OWNER for what holds for the
// project. One that has ended stays as it is.
func (s *Service) Revoke(ctx context.Context, id string) (a *ent.Approval, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if a, err = find(ctx, tx.Ent, id); err != nil {
			return err
		}
		if err := access.RequireRole(ctx, tx.Ent, a.ProjectID, approver(enum.RiskLow, a.Remember)); err != nil {
			return err
		}
		if a.State != enum.ApprovalApproved || a.Remember == enum.ApprovedOnce {
			return problem.New(problem.PreconditionFailed, "only an approval for a run or for the project can be taken back; %s", Outcome(ctx, tx.Ent, a))
		}
		now := store.Now()
		n, err := tx.Ent.Approval.Update().
			Where(approval.ID(a.ID), approval.Or(approval.UntilIsNil(), approval.UntilGT(now))).
			SetUntil(now).Save(access.As(ctx, access.Engine))
		if err != nil || n == 0 {
			return err
		}
		if a, err = tx.Ent.Approval.Get(ctx, a.ID); err != nil {
			return err
		}
		handle, err := access.StreamWriter(ctx, tx.Ent, a.ProjectID)
		if err != nil {
			return err
		}
		s.Log.Append(tx, handle, Event(enum.EventApprovalResolved, a, stream.Actor{UserID: viewer.UserID}))
		return nil
	})
	return a, err
}
