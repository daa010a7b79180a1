package providerkey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/wire"
	"github.com/zeblit/zeblit/internal/problem"
)

// checkTime is how long a provider that is checked may take.
const checkTime = 30 * time.Second

// CheckInput says which provider is to be tried: a project's, an organisation's, or the
// installation's where neither is named. Key is tried instead of the one that would be
// used; nil: that one.
type CheckInput struct {
	OrganisationID, ProjectID string
	Provider                  string
	Key                       *string
}

// Checked is how it went. Message is for people: what the provider said, without the key.
type Checked struct {
	OK      bool
	Message string
	Latency time.Duration
}

// Check tries whether a provider answers and takes the key, with the cheapest call that
// shows it. It needs what Set needs; for the installation's, one of its admins.
func (s *Service) Check(ctx context.Context, in CheckInput) (*Checked, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := ownerOf(ctx, s.db.Ent, viewer, in.OrganisationID, in.ProjectID)
	if err != nil {
		return nil, err
	}
	if o == nil {
		admin, err := access.IsAdmin(ctx, s.db.Ent, viewer)
		if err != nil {
			return nil, err
		}
		if !admin {
			return nil, problem.New(problem.Forbidden, "this is for the installation's admins; name your project or organisation")
		}
	}
	provider, key, err := s.provider(ctx, o, in)
	if err != nil {
		return nil, err
	}
	if err := s.limit(ctx, "check-provider", viewer.UserID); err != nil {
		return nil, err
	}
	return try(ctx, provider, key)
}

// provider is what is to be tried, and the tenant's key in it, if there is one.
func (s *Service) provider(ctx context.Context, o *owner, in CheckInput) (p llm.Provider, key string, err error) {
	if in.Key != nil {
		if key, err = s.read(in.Provider, *in.Key); err != nil {
			return nil, "", err
		}
		server, _ := s.providers.WithKey(in.Provider, key)
		return server.Provider, key, nil
	}
	names := s.providers.Names()
	for _, server := range s.instance {
		if !slices.Contains(names, server.Name) {
			names = append(names, server.Name)
		}
	}
	if err := s.known(in.Provider, names); err != nil {
		return nil, "", err
	}
	if o != nil {
		p, key, err = s.own(ctx, o, in.Provider)
		if p != nil || err != nil {
			return p, key, err
		}
	}
	for _, server := range s.instance {
		if server.Name == in.Provider {
			return server.Provider, "", nil
		}
	}
	return nil, "", problem.BadField("key", "there is no key of %s here: give the one that is to be checked", in.Provider)
}

// own is the provider with the nearest key of the project or organisation; nil: none.
func (s *Service) own(ctx context.Context, o *owner, provider string) (llm.Provider, string, error) {
	projectID := ""
	if o.projectID != nil {
		projectID = *o.projectID
	}
	rows, err := s.models.rows(ctx, o.organisationID, projectID)
	if err != nil {
		return nil, "", err
	}
	at := slices.IndexFunc(rows, func(k *ent.ProviderKey) bool { return k.Provider == provider })
	if at < 0 {
		return nil, "", nil
	}
	key, err := s.models.open(rows[at])
	if err != nil && !useless(err) {
		return nil, "", fmt.Errorf("decrypt the key %s: %w", rows[at].ID, err)
	}
	server, ok := s.providers.WithKey(provider, string(key))
	if !ok {
		return nil, "", nil
	}
	if err != nil {
		server = lockedServer(server, rows[at], err)
	}
	return server.Provider, string(key), nil
}

func try(ctx context.Context, p llm.Provider, key string) (*Checked, error) {
	checker, ok := p.(llm.Checker)
	if !ok {
		return nil, problem.New(problem.PreconditionFailed, "%s can't be checked", p.Name())
	}
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	began := time.Now()
	err := checker.Check(limited)
	c := &Checked{OK: err == nil, Latency: time.Since(began), Message: "It answers, and takes the key."}
	if key == "" {
		c.Message = "It answers."
	}
	failed, ok := errors.AsType[*llm.Error](err)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		c.Message = fmt.Sprintf("It did not answer within %s.", checkTime)
	case !ok:
		return nil, err
	default:
		c.Message = wire.Redact(failed.Message, key)
		if failed.Status != 0 {
			c.Message = fmt.Sprintf("HTTP %d: %s", failed.Status, c.Message)
		}
	}
	return c, nil
}
