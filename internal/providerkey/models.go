package providerkey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	entproject "github.com/zeblit/zeblit/ent/project"
	entkey "github.com/zeblit/zeblit/ent/providerkey"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/seal"
	"github.com/zeblit/zeblit/internal/store"
)

// Options of NewModels.
type Options struct {
	DB        *store.DB
	Sealer    *seal.Sealer
	Router    *route.Router      // with the installation's keys
	Providers configured.Options // the settings that it was made of
	// Wrap, where it is set, is put around each provider that is made with a key.
	Wrap   func(p llm.Provider, key string) llm.Provider
	Logger *slog.Logger
}

// Models picks the models of each project's calls.
type Models struct {
	db        *store.DB
	sealer    *seal.Sealer
	router    *route.Router
	providers configured.Options
	wrap      func(p llm.Provider, key string) llm.Provider
	logger    *slog.Logger
	cache     cache
}

// NewModels makes a Models.
func NewModels(o Options) *Models {
	if o.Wrap == nil {
		o.Wrap = func(p llm.Provider, _ string) llm.Provider { return p }
	}
	return &Models{db: o.DB, sealer: o.Sealer, router: o.Router, providers: o.Providers, wrap: o.Wrap, logger: o.Logger}
}

// For is what picks the models of a project's calls: with its keys, those of its
// organisation, and the installation's. What is set or deleted later counts for the next
// router. The caller has shown that the project is the viewer's, or works for it.
func (m *Models) For(ctx context.Context, projectID string) (*route.Router, error) {
	rows, err := m.rows(ctx, "", projectID)
	if err != nil {
		return nil, fmt.Errorf("read the keys of the project: %w", err)
	}
	own := make([]*route.Keyed, 0, len(rows))
	for _, k := range rows {
		keyed, err := m.keyed(ctx, k)
		if err != nil {
			return nil, err
		}
		if keyed != nil {
			own = append(own, keyed)
		}
	}
	return m.router.With(own...), nil
}

// rows are the keys of an organisation, or of a project and its organisation: the
// nearest of each provider.
func (m *Models) rows(ctx context.Context, organisationID, projectID string) ([]*ent.ProviderKey, error) {
	ctx = access.As(ctx, access.Engine)
	all, err := m.db.Ent.ProviderKey.Query().Where(func(s *sql.Selector) {
		ofOrganisation := sql.IsNull(s.C(entkey.FieldProjectID))
		organisation := s.C(entkey.FieldOrganisationID)
		if projectID == "" {
			s.Where(sql.And(ofOrganisation, sql.EQ(organisation, organisationID)))
			return
		}
		p := sql.Table(entproject.Table)
		above := sql.Select(p.C(entproject.FieldOrganisationID)).From(p).Where(sql.EQ(p.C(entproject.FieldID), projectID))
		s.Where(sql.Or(sql.EQ(s.C(entkey.FieldProjectID), projectID), sql.And(ofOrganisation, sql.In(organisation, above))))
	}).Order(entkey.ByID()).All(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(k *ent.ProviderKey) bool {
		return k.ProjectID == nil && slices.ContainsFunc(all, func(o *ent.ProviderKey) bool {
			return o.ProjectID != nil && o.Provider == k.Provider
		})
	}), nil
}

// keyed is the provider with that key; nil when its provider isn't configured any more.
func (m *Models) keyed(ctx context.Context, k *ent.ProviderKey) (*route.Keyed, error) {
	if found := m.cache.find(k.ID); found != nil {
		return found, nil
	}
	key, err := m.open(k)
	if err != nil && !useless(err) {
		return nil, fmt.Errorf("decrypt the key %s: %w", k.ID, err)
	}
	server, ok := m.providers.WithKey(k.Provider, string(key))
	if !ok {
		return nil, nil
	}
	if err != nil {
		m.logger.WarnContext(ctx, "a provider's key can't be decrypted: it has to be set again", "key", k.ID, "provider", k.Provider, "of", k.Subject, "error", err)
		server = lockedServer(server, k, err)
	} else {
		server.Provider = m.wrap(server.Provider, string(key))
	}
	return m.cache.put(k.ID, route.NewKeyed(route.Server(server))), nil
}

func (m *Models) open(k *ent.ProviderKey) ([]byte, error) {
	return m.sealer.Open(k.Ciphertext, rowOwner(k).place(k.Provider)...)
}

// useless says that a key stays closed whoever tries again.
func useless(err error) bool {
	return errors.Is(err, seal.ErrOtherKey) || errors.Is(err, seal.ErrDamaged)
}

func (m *Models) forget(id string) { m.cache.drop(id) }

// locked is a provider whose key can't be read. It fails as one whose key is refused,
// so that others are called where there are any.
type locked struct {
	llm.Provider
	err *llm.Error
}

func lockedServer(s configured.Server, k *ent.ProviderKey, why error) configured.Server {
	whose := "organisation"
	if k.ProjectID != nil {
		whose = "project"
	}
	err := &llm.Error{Kind: llm.KindAuth, Err: why, Message: fmt.Sprintf(
		"the %s's key of %s can't be decrypted: %s. Set the key again, or start the server with the secret from before", whose, k.Provider, why)}
	s.Provider = locked{s.Provider, err}
	if s.List != nil {
		s.List = func(context.Context) ([]string, error) { return nil, err }
	}
	return s
}

func (p locked) Stream(context.Context, llm.Request, func(string) error) (llm.Response, error) {
	return llm.Response{}, p.err
}

// Check implements llm.Checker.
func (p locked) Check(context.Context) error { return p.err }
