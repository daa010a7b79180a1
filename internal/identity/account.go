package identity

import (
	"context"
	"fmt"
	"net/mail"
	"runtime/debug"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/user"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	maxEmailBytes    = 254
	minPasswordChars = 8
	maxPasswordChars = 256
	maxNameChars     = 120
)

// SignUp makes an account with its personal organisation and signs it in.
// FORBIDDEN when sign-up is closed, CONFLICT when the e-mail address is taken.
func (s *Service) SignUp(ctx context.Context, email, password, name string) (*Tokens, error) {
	if !s.signUpOpen {
		return nil, problem.New(problem.Forbidden, "sign-up is closed on this server")
	}
	email, ok := cleanEmail(email)
	if !ok {
		return nil, problem.BadField("email", "must be an e-mail address of at most %d bytes", maxEmailBytes)
	}
	if err := checkPassword(password); err != nil {
		return nil, err
	}
	name, err := cleanName(name)
	if err != nil {
		return nil, err
	}
	if err := s.allow(ctx, "sign-up", ""); err != nil {
		return nil, err
	}
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	t, err := inTx(access.As(ctx, access.Auth), s.db, func(ctx context.Context, tx *store.Tx) (*Tokens, error) {
		u, err := createUser(ctx, tx, tx.Ent.User.Create().SetEmail(email).SetName(name).SetPasswordHash(hash))
		if err != nil {
			return nil, err
		}
		return s.openSession(ctx, tx, keys, u)
	})
	if ent.IsConstraintError(err) {
		return nil, &problem.Error{Code: problem.Conflict, Message: "an account with this e-mail address exists", Field: "email"}
	}
	return t, doing(err, "sign up")
}

// SignIn opens a session. A wrong password and an unknown address give the same
// error after the same time.
func (s *Service) SignIn(ctx context.Context, email, password string) (*Tokens, error) {
	if err := s.allow(ctx, "sign-in", strings.ToLower(strings.TrimSpace(email))); err != nil {
		return nil, err
	}
	keys, err := s.signingKeys(ctx)
	if err != nil {
		return nil, err
	}
	auth := access.As(ctx, access.Auth)
	stored := ""
	var u *ent.User
	if email, ok := cleanEmail(email); ok {
		u, err = s.db.Ent.User.Query().Where(user.Email(email)).Only(auth)
		switch {
		case ent.IsNotFound(err):
		case err != nil:
			return nil, fmt.Errorf("find the account: %w", err)
		default:
			stored = u.PasswordHash
		}
	}
	ok, err := s.hasher.matches(ctx, stored, password)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, problem.New(problem.Unauthenticated, "the e-mail address or the password is wrong")
	}
	t, err := inTx(auth, s.db, func(ctx context.Context, tx *store.Tx) (*Tokens, error) {
		return s.openSession(ctx, tx, keys, u)
	})
	return t, doing(err, "sign in")
}

// Owner is the account made on an empty database. Nothing keeps its secrets.
type Owner struct {
	Email, Password, APIKey string
}

const ownerEmail = "owner@localhost"

// EnsureOwner makes an admin's account with an API key when the database has no
// accounts, and returns nil when it has. Of nodes that start at once, one makes it.
func (s *Service) EnsureOwner(ctx context.Context) (*Owner, error) {
	ctx = access.As(ctx, access.Auth)
	exists, err := s.db.Ent.User.Query().Exist(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for accounts: %w", err)
	}
	if exists {
		return nil, nil
	}
	owner := &Owner{Email: ownerEmail, Password: NewPassword()}
	hash, err := s.hasher.hash(ctx, owner.Password)
	if err != nil {
		return nil, err
	}
	// The server's idle memory would otherwise hold that hash's for minutes.
	defer debug.FreeOSMemory()
	owner, err = inTx(ctx, s.db, func(ctx context.Context, tx *store.Tx) (*Owner, error) {
		if exists, err := tx.Ent.User.Query().Exist(ctx); err != nil || exists {
			return nil, err
		}
		u, err := createUser(ctx, tx, tx.Ent.User.Create().SetEmail(ownerEmail).SetName("Owner").SetPasswordHash(hash).SetAdmin(true))
		if err != nil {
			return nil, err
		}
		_, owner.APIKey, err = s.createKey(ctx, tx, u.ID, "Owner", nil)
		return owner, err
	})
	if ent.IsConstraintError(err) {
		return nil, nil // another node was faster
	}
	return owner, doing(err, "make the owner's account")
}

// createUser saves a new account with the organisation that it owns.
func createUser(ctx context.Context, tx *store.Tx, create *ent.UserCreate) (*ent.User, error) {
	u, err := create.Save(ctx)
	if err != nil {
		return nil, err
	}
	o, err := tx.Ent.Organisation.Create().SetName(u.Name).SetPersonal(true).Save(ctx)
	if err != nil {
		return nil, err
	}
	return u, tx.Ent.OrgMembership.Create().
		SetOrganisationID(o.ID).SetUserID(u.ID).SetRole(enum.OrganisationOwner).Exec(ctx)
}

func checkPassword(password string) error {
	if n := utf8.RuneCountInString(password); n < minPasswordChars || n > maxPasswordChars || !utf8.ValidString(password) {
		return problem.BadField("password", "must have %d to %d characters", minPasswordChars, maxPasswordChars)
	}
	return nil
}

// cleanEmail returns a bare address in lower case, in which it is unique.
func cleanEmail(email string) (string, bool) {
	email = strings.TrimSpace(email)
	if len(email) > maxEmailBytes || !utf8.ValidString(email) || strings.ContainsFunc(email, unicode.IsControl) {
		return "", false
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Name != "" || parsed.Address != email {
		return "", false
	}
	email = strings.ToLower(email)
	return email, len(email) <= maxEmailBytes
}

// cleanName trims a person's or a key's name. It goes into one line of a commit,
// so it has no control characters, and none that turn the direction of the text around it.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > maxNameChars || !utf8.ValidString(name) || strings.ContainsFunc(name, steers) {
		return "", problem.BadField("name", "must have 1 to %d characters, none of them a control character", maxNameChars)
	}
	return name, nil
}

// steers reports whether a character controls how others are shown: C0 and C1, line
// separators, and embeddings, overrides and isolates of a direction.
func steers(r rune) bool {
	return unicode.IsControl(r) || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}
