// Package providerkey keeps the keys of model providers that organisations and their
// projects bring along, and has their runs use them: the nearest wins, which is the
// project's, then its organisation's, then the installation's.
//
// A key is written once and is read by the engine only. The database has it encrypted
// for its organisation, project and provider; no answer, error or log repeats it. It is
// sent to where the installation's settings say that the provider is, never to an
// address that a tenant gives.
package providerkey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/orgmembership"
	entkey "github.com/zeblit/zeblit/ent/providerkey"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/seal"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	longest   = 512 // bytes of a key
	hintFrom  = 16  // bytes that a key has at least, so that its end may be shown
	hintBytes = 4
)

// Service sets, checks and deletes keys with the viewer's rights.
type Service struct {
	db        *store.DB
	sealer    *seal.Sealer
	providers configured.Options
	instance  []configured.Server
	models    *Models
	limit     func(ctx context.Context, name, key string) error
}

// NewService makes a Service beside the Models that use its keys. instance are the
// installation's own providers. limit is asked before a provider is; nil: nothing is
// limited.
func NewService(models *Models, instance []configured.Server, limit func(ctx context.Context, name, key string) error) *Service {
	if limit == nil {
		limit = func(context.Context, string, string) error { return nil }
	}
	return &Service{db: models.db, sealer: models.sealer, providers: models.providers, instance: instance, models: models, limit: limit}
}

// SetInput says which key, and whose: a project's or an organisation's.
type SetInput struct {
	OrganisationID, ProjectID string
	Provider, Key             string
}

// Set keeps a key in the place of the one that was there. It needs the role OWNER in the
// project, or an admin of the organisation.
func (s *Service) Set(ctx context.Context, in SetInput) (*ent.ProviderKey, error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	var set *ent.ProviderKey
	err = s.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		o, err := ownerOf(ctx, tx.Ent, viewer, in.OrganisationID, in.ProjectID)
		if err != nil {
			return err
		}
		if o == nil {
			return problem.BadField("organisationId", "a key is an organisation's or a project's: name one of them; the installation's are in its settings")
		}
		key, err := s.read(in.Provider, in.Key)
		if err != nil {
			return err
		}
		sealed, err := s.sealer.Seal([]byte(key), o.place(in.Provider)...)
		if errors.Is(err, seal.ErrNoKey) {
			return problem.New(problem.PreconditionFailed, "keys can't be kept: this installation has no secret to encrypt them with. Set ZEBLIT_SECRET, the same on all nodes, and start them again")
		}
		if err != nil {
			return fmt.Errorf("encrypt a provider's key: %w", err)
		}
		if _, err := tx.Ent.ProviderKey.Delete().Where(entkey.Subject(o.subject()), entkey.Provider(in.Provider)).Exec(ctx); err != nil {
			return err
		}
		create := tx.Ent.ProviderKey.Create().SetOrganisationID(o.organisationID).SetNillableProjectID(o.projectID).
			SetSubject(o.subject()).SetProvider(in.Provider).SetCiphertext(sealed).SetHint(hint(key)).SetCreatedByID(viewer.UserID)
		set, err = create.Save(ctx)
		if ent.IsConstraintError(err) {
			return problem.New(problem.Conflict, "somebody else has set this key at the same moment; look at it and try again")
		}
		return err
	})
	return set, err
}

// Delete removes a key; the next one above it is used from the next call of a model on.
// It needs what Set needs.
func (s *Service) Delete(ctx context.Context, id string) error {
	if _, err := access.RequireViewer(ctx); err != nil {
		return err
	}
	if relay.IDPrefix(id) != "pky" {
		return problem.Missing("providerKeyId", "key")
	}
	n, err := s.db.Ent.ProviderKey.Delete().Where(entkey.ID(id)).Exec(ctx)
	if err == nil && n == 0 {
		err = problem.Missing("providerKeyId", "key")
	}
	s.models.forget(id)
	return err
}

// read judges what was given, without repeating it.
func (s *Service) read(provider, key string) (string, error) {
	if err := s.known(provider, s.providers.Names()); err != nil {
		return "", err
	}
	return readKey(key)
}

func (s *Service) known(provider string, names []string) error {
	if !slices.Contains(names, provider) {
		return problem.BadField("provider", "no such provider; there are: %s", strings.Join(names, ", "))
	}
	return nil
}

func readKey(key string) (string, error) {
	key = strings.TrimSpace(key) // of a pasted line
	switch {
	case key == "":
		return "", problem.BadField("key", "key is required")
	case len(key) > longest:
		return "", problem.BadField("key", "a key has at most %d characters", longest)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", problem.BadField("key", "a key has no spaces in it, and only letters, digits and signs of ASCII")
	}
	return key, nil
}

func hint(key string) string {
	if len(key) < hintFrom {
		return ""
	}
	return key[len(key)-hintBytes:]
}

// owner is whose a key is: a project's where projectID is set, else an organisation's.
type owner struct {
	organisationID string
	projectID      *string
}

func (o owner) subject() string {
	if o.projectID != nil {
		return *o.projectID
	}
	return o.organisationID
}

// place is what the key is sealed for.
func (o owner) place(provider string) []string {
	project := ""
	if o.projectID != nil {
		project = *o.projectID
	}
	return []string{"provider key", o.organisationID, project, provider}
}

func rowOwner(k *ent.ProviderKey) owner { return owner{k.OrganisationID, k.ProjectID} }

// ownerOf is who is meant, as far as the viewer may know of them and set their keys; nil
// where nobody is named.
func ownerOf(ctx context.Context, c *ent.Client, viewer *access.Viewer, organisationID, projectID string) (*owner, error) {
	o := &owner{organisationID: organisationID}
	if projectID != "" {
		found, err := project(ctx, c, projectID)
		if err != nil {
			return nil, err
		}
		o.organisationID, o.projectID = found.OrganisationID, &found.ID
	}
	if organisationID != "" {
		member := false
		if relay.IDPrefix(organisationID) != "" {
			var err error
			member, err = c.OrgMembership.Query().Where(orgmembership.OrganisationID(organisationID), orgmembership.UserID(viewer.UserID)).Exist(ctx)
			if err != nil {
				return nil, err
			}
		}
		if !member {
			return nil, problem.Missing("organisationId", "organisation")
		}
	}
	switch {
	case organisationID != "" && projectID != "":
		return nil, problem.BadField("projectId", "name the organisation or the project, not both")
	case projectID != "":
		return o, access.RequireRole(ctx, c, projectID, enum.ProjectOwner)
	case organisationID == "":
		return nil, nil
	}
	admin, err := access.Administers(ctx, c, viewer, organisationID)
	if err == nil && !admin {
		err = problem.New(problem.Forbidden, "an organisation's keys are set by its admins")
	}
	return o, err
}

func project(ctx context.Context, c *ent.Client, id string) (*ent.Project, error) {
	if relay.IDPrefix(id) == "" {
		return nil, problem.Missing("projectId", "project")
	}
	found, err := c.Project.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, problem.Missing("projectId", "project")
	}
	return found, err
}
