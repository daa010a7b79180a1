package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/devicecode"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// A program without a browser signs in as RFC 8628 describes: it asks for two
// codes, shows the short one to its person, who decides on it in a browser, and
// asks with the long one until it hears the decision.
const (
	devicePrefix   = "zdc_"
	deviceBytes    = 32
	deviceLifetime = 10 * time.Minute
	// DeviceInterval is how long a program waits before it asks again.
	DeviceInterval = 5 * time.Second
	// deviceHurry is how much sooner it may ask: networks are uneven.
	deviceHurry = time.Second
	// deviceKept is how long a code that is over is remembered as such.
	deviceKept = time.Hour

	// userCodeAlphabet has no vowels, so no words come up, and no digits.
	userCodeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength   = 8
	userCodeTries    = 5 // of finding one that nobody has
)

// DeviceRequest is a sign-in that has begun. Code is the program's secret, and
// UserCode what it shows.
type DeviceRequest struct {
	Code, UserCode string
	ExpiresAt      time.Time
}

// RequestDeviceCode begins the sign-in of a program that calls itself clientName.
func (s *Service) RequestDeviceCode(ctx context.Context, clientName string) (*DeviceRequest, error) {
	clientName, err := cleanName(clientName)
	if err != nil {
		p := *problem.As(err)
		p.Field = "clientName"
		return nil, &p
	}
	if err := s.allow(ctx, "device-code", ""); err != nil {
		return nil, err
	}
	ctx = access.As(ctx, access.Auth)
	if _, err := s.db.Ent.DeviceCode.Delete().Where(devicecode.ExpiresAtLT(s.now().Add(-deviceKept))).Exec(ctx); err != nil {
		return nil, fmt.Errorf("forget old device codes: %w", err)
	}
	made := &DeviceRequest{
		Code:      devicePrefix + base64.RawURLEncoding.EncodeToString(randomBytes(deviceBytes)),
		ExpiresAt: s.now().Add(deviceLifetime),
	}
	hash := sha256.Sum256([]byte(made.Code))
	for range userCodeTries {
		made.UserCode = newUserCode()
		err = s.db.Ent.DeviceCode.Create().SetHash(hash[:]).SetUserCode(made.UserCode).
			SetClientName(clientName).SetExpiresAt(made.ExpiresAt).Exec(ctx)
		if !ent.IsConstraintError(err) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make a device code: %w", err)
	}
	return made, nil
}

// DeviceCode finds a code that the viewer may decide on, however it is typed:
// NOT_FOUND when there is none, when it has expired or was decided.
func (s *Service) DeviceCode(ctx context.Context, userCode string) (*ent.DeviceCode, error) {
	v, err := s.decider(ctx)
	if err != nil {
		return nil, err
	}
	code, err := s.db.Ent.DeviceCode.Query().
		Where(undecided(userCode, s.now())).Only(access.As(ctx, access.Auth))
	if ent.IsNotFound(err) {
		return nil, problem.Missing("userCode", "code")
	}
	return code, doing(err, "find a device code for %s", v.UserID)
}

// DecideDeviceCode lets a program sign in as the viewer, or refuses it, once: the
// same decision again does nothing, and any other is NOT_FOUND. FORBIDDEN for API
// keys and agents: a key must not beget keys unseen.
func (s *Service) DecideDeviceCode(ctx context.Context, userCode string, decision enum.DeviceDecision) (*ent.DeviceCode, error) {
	v, err := s.decider(ctx)
	if err != nil {
		return nil, err
	}
	now := s.now()
	code, err := inTx(access.As(ctx, access.Auth), s.db, func(ctx context.Context, tx *store.Tx) (*ent.DeviceCode, error) {
		if decision == enum.DeviceApprove {
			// The exchange checks again; here the person can still do something about it.
			if err := roomForKey(ctx, tx, v.UserID, now); err != nil {
				return nil, err
			}
		}
		err := tx.Ent.DeviceCode.Update().Where(undecided(userCode, now)).
			SetUserID(v.UserID).SetDecision(decision).Exec(ctx)
		if err != nil {
			return nil, err
		}
		return tx.Ent.DeviceCode.Query().Where(
			devicecode.UserCode(cleanUserCode(userCode)), devicecode.ExpiresAtGT(now),
			devicecode.UserID(v.UserID), devicecode.DecisionEQ(decision),
		).Only(ctx)
	})
	if ent.IsNotFound(err) {
		return nil, problem.Missing("userCode", "code")
	}
	return code, doing(err, "decide on a device code")
}

// DeviceAnswer is what a program hears. Key, Secret and User come with
// DeviceApproved only.
type DeviceAnswer struct {
	Status enum.DeviceCodeStatus
	Key    *ent.ApiKey
	Secret string
	User   *ent.User
}

// ExchangeDeviceCode says what became of a device code, and makes the API key of
// an approved one: of calls at once one gets it, and later ones hear that the code
// is over. PRECONDITION_FAILED when the person has too many keys; once one of them
// is revoked the code works still.
func (s *Service) ExchangeDeviceCode(ctx context.Context, deviceCode string) (*DeviceAnswer, error) {
	over := &DeviceAnswer{Status: enum.DeviceExpired}
	if !strings.HasPrefix(deviceCode, devicePrefix) || len(deviceCode) != len(devicePrefix)+base64.RawURLEncoding.EncodedLen(deviceBytes) {
		return over, nil
	}
	hash := sha256.Sum256([]byte(deviceCode))
	answer, err := inTx(access.As(ctx, access.Auth), s.db, func(ctx context.Context, tx *store.Tx) (*DeviceAnswer, error) {
		now := s.now()
		code, err := tx.Ent.DeviceCode.Query().
			Where(devicecode.Hash(hash[:]), devicecode.ExpiresAtGT(now), devicecode.UsedAtIsNil()).WithUser().Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return over, nil
		case err != nil:
			return nil, err
		case code.Decision == nil:
			return wait(ctx, tx, code, now)
		case *code.Decision == enum.DeviceDeny:
			return &DeviceAnswer{Status: enum.DeviceDenied}, nil
		}
		if err := roomForKey(ctx, tx, *code.UserID, now); err != nil {
			return nil, err
		}
		n, err := tx.Ent.DeviceCode.Update().
			Where(devicecode.ID(code.ID), devicecode.UsedAtIsNil()).SetUsedAt(now).Save(ctx)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return over, nil
		}
		a := &DeviceAnswer{Status: enum.DeviceApproved, User: code.Edges.User}
		a.Key, a.Secret, err = s.createKey(ctx, tx, *code.UserID, code.ClientName, nil)
		return a, err
	})
	return answer, doing(err, "exchange a device code")
}

// wait notes that a program asked, and says whether it was too soon.
func wait(ctx context.Context, tx *store.Tx, code *ent.DeviceCode, now time.Time) (*DeviceAnswer, error) {
	err := tx.Ent.DeviceCode.Update().Where(devicecode.ID(code.ID)).SetPolledAt(now).Exec(ctx)
	if err != nil {
		return nil, err
	}
	if code.PolledAt != nil && now.Before(code.PolledAt.Add(DeviceInterval-deviceHurry)) {
		return &DeviceAnswer{Status: enum.DeviceSlowDown}, nil
	}
	return &DeviceAnswer{Status: enum.DevicePending}, nil
}

// decider is a viewer who may read and decide on codes, as often as the limit lets them:
// codes are short, and must not be guessed.
func (s *Service) decider(ctx context.Context) (*access.Viewer, error) {
	v, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	if v.SessionID == "" {
		return nil, problem.New(problem.Forbidden, "only a person who has signed in with a password can decide on a device, not an API key")
	}
	return v, s.allow(ctx, "device-lookup", v.UserID)
}

func undecided(userCode string, now time.Time) predicate.DeviceCode {
	return devicecode.And(
		devicecode.UserCode(cleanUserCode(userCode)), devicecode.ExpiresAtGT(now), devicecode.DecisionIsNil())
}

// newUserCode makes a code as it is shown, each letter equally likely.
func newUserCode() string {
	const fair = 256 / len(userCodeAlphabet) * len(userCodeAlphabet)
	out := make([]byte, 0, userCodeLength)
	for len(out) < userCodeLength {
		for _, b := range randomBytes(userCodeLength) {
			if int(b) < fair && len(out) < userCodeLength {
				out = append(out, userCodeAlphabet[int(b)%len(userCodeAlphabet)])
			}
		}
	}
	return hyphened(string(out))
}

// cleanUserCode gives a code the form in which it is stored, whatever its case and
// its spaces and hyphens. What is no code comes out empty, which none is.
func cleanUserCode(typed string) string {
	if len(typed) > 8*userCodeLength {
		return ""
	}
	var out []byte
	for _, r := range strings.ToUpper(typed) {
		switch {
		case r == ' ' || r == '-':
		case r < 0x80 && strings.IndexByte(userCodeAlphabet, byte(r)) >= 0 && len(out) < userCodeLength:
			out = append(out, byte(r))
		default:
			return ""
		}
	}
	if len(out) != userCodeLength {
		return ""
	}
	return hyphened(string(out))
}

func hyphened(code string) string { return code[:userCodeLength/2] + "-" + code[userCodeLength/2:] }
