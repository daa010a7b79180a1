package identity

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/apikey"
	"github.com/zeblit/zeblit/ent/devicecode"
	"github.com/zeblit/zeblit/ent/session"
	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// NewPassword makes a random one.
func NewPassword() string { return randomBase62(24) }

// Reset is what ResetPassword did.
type Reset struct {
	Email    string
	Sessions int // that were ended
	Keys     int // that were revoked
}

// ResetPassword gives the account of an e-mail address a new password, for whoever
// runs the server: no viewer is asked for. All its sessions end, sign-ins of
// devices that it has approved but that are not finished are undone, and its API
// keys are revoked if revokeKeys says so. With an empty address it is the account
// of the only admin: PRECONDITION_FAILED when there isn't exactly one. Start
// need not have been called.
func (s *Service) ResetPassword(ctx context.Context, email, password string, revokeKeys bool) (*Reset, error) {
	if err := checkPassword(password); err != nil {
		return nil, err
	}
	ctx = access.As(ctx, access.Auth)
	u, err := s.accountOf(ctx, email)
	if err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	reset, err := inTx(ctx, s.db, func(ctx context.Context, tx *store.Tx) (*Reset, error) {
		now := s.now()
		done := &Reset{Email: u.Email}
		err := tx.Ent.User.Update().Where(user.ID(u.ID)).SetPasswordHash(hash).Exec(ctx)
		if err != nil {
			return nil, err
		}
		done.Sessions, err = tx.Ent.Session.Update().
			Where(session.UserID(u.ID), session.RevokedAtIsNil(), session.ExpiresAtGT(now)).SetRevokedAt(now).Save(ctx)
		if err != nil {
			return nil, err
		}
		if _, err := tx.Ent.DeviceCode.Delete().Where(devicecode.UserID(u.ID), devicecode.UsedAtIsNil()).Exec(ctx); err != nil {
			return nil, err
		}
		if revokeKeys {
			done.Keys, err = tx.Ent.ApiKey.Update().Where(apikey.UserID(u.ID), activeKey(now)).SetRevokedAt(now).Save(ctx)
		}
		return done, err
	})
	return reset, doing(err, "reset a password")
}

func (s *Service) accountOf(ctx context.Context, email string) (*ent.User, error) {
	if email != "" {
		clean, ok := cleanEmail(email)
		if !ok {
			return nil, problem.BadField("email", "must be an e-mail address of at most %d bytes", maxEmailBytes)
		}
		u, err := s.db.Ent.User.Query().Where(user.Email(clean)).Only(ctx)
		if ent.IsNotFound(err) {
			return nil, problem.Missing("email", "account")
		}
		return u, doing(err, "find the account")
	}
	admins, err := s.db.Ent.User.Query().Where(user.Admin(true)).Limit(2).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the owner's account: %w", err)
	}
	if len(admins) != 1 {
		return nil, problem.New(problem.PreconditionFailed, "there isn't exactly one owner: say whose password, by e-mail address")
	}
	return admins[0], nil
}
