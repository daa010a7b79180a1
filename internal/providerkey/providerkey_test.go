package providerkey_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/orgmembership"
	entkey "github.com/zeblit/zeblit/ent/providerkey"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/providerkey"
	"github.com/zeblit/zeblit/internal/seal"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "a secret of some length"

// testBundle is an installation with a key of Anthropic and a server of its own, and an
// owner with two projects in their organisation.
type testBundle struct {
	db      *store.DB
	model   *llmtest.Server
	service *providerkey.Service
	models  *providerkey.Models

	owner        access.Viewer
	organisation string
	one, two     *ent.Project
}

func setup(t *testing.T, db *store.DB) *testBundle {
	t.Helper()
	b := &testBundle{db: db, model: llmtest.NewServer(t, llmtest.Func(func(llmtest.Request) llmtest.Reply { return llmtest.Reply{llmtest.Say("Hello.")} }))}
	b.owner = storetest.User(t, db, "owner@example.com")
	b.one, b.two = storetest.Project(t, db, b.owner, "One"), storetest.Project(t, db, b.owner, "Two")
	b.organisation = b.one.OrganisationID
	b.service, b.models = b.node(t, secret)
	return b
}

// node is another process on the same database.
func (b *testBundle) node(t *testing.T, secret string) (*providerkey.Service, *providerkey.Models) {
	t.Helper()
	o := configured.Options{
		AnthropicKey: "the instance's", AnthropicBaseURL: b.model.AnthropicURL(), OpenAIBaseURL: "", GeminiBaseURL: b.model.OpenAIURL(),
		Servers: []configured.ServerOptions{{Name: "vllm", URL: b.model.OpenAIURL(), Models: []string{"qwen"}}}, HTTPClient: b.model.Client(),
	}
	servers, err := configured.Providers(o)
	require.NoError(t, err)
	var of route.Options
	for _, s := range servers {
		of.Servers = append(of.Servers, route.Server(s))
	}
	router, err := route.New(of)
	require.NoError(t, err)
	sealer, err := seal.New(secret, "")
	require.NoError(t, err)
	models := providerkey.NewModels(providerkey.Options{
		DB: b.db, Sealer: sealer, Router: router, Providers: o, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return providerkey.NewService(models, servers, nil), models
}

func (b *testBundle) ctx() context.Context {
	return access.WithViewer(context.Background(), b.owner)
}

func (b *testBundle) set(t *testing.T, in providerkey.SetInput) *ent.ProviderKey {
	t.Helper()
	k, err := b.service.Set(b.ctx(), in)
	require.NoError(t, err)
	return k
}

// used is the key with which the project's calls reach a server.
func (b *testBundle) used(t *testing.T, models *providerkey.Models, p *ent.Project, server string) string {
	t.Helper()
	r, err := models.For(t.Context(), p.ID)
	require.NoError(t, err)
	all, err := r.Candidates(t.Context(), route.Wish{})
	require.NoError(t, err)
	for _, c := range all {
		if c.Server != server {
			continue
		}
		if _, err := c.Provider.Stream(t.Context(), llm.OneToken(), func(string) error { return nil }); err != nil {
			return err.Error()
		}
		requests := b.model.Requests()
		return requests[len(requests)-1].Key
	}
	return "none"
}

func TestTheNearestKeyWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		for _, models := range []*providerkey.Models{b.models, func() *providerkey.Models { _, m := b.node(t, secret); return m }()} {
			require.Equal(t, "the instance's", b.used(t, models, b.one, "anthropic"))
			require.Equal(t, "none", b.used(t, models, b.one, "gemini"))

			organisation := b.set(t, providerkey.SetInput{OrganisationID: b.organisation, Provider: "anthropic", Key: "organisation"})
			require.Equal(t, "organisation", b.used(t, models, b.one, "anthropic"))
			own := b.set(t, providerkey.SetInput{ProjectID: b.one.ID, Provider: "anthropic", Key: " project\n"})
			gemini := b.set(t, providerkey.SetInput{ProjectID: b.one.ID, Provider: "gemini", Key: "google"})
			require.Equal(t, "project", b.used(t, models, b.one, "anthropic"))
			require.Equal(t, "google", b.used(t, models, b.one, "gemini"))
			require.Equal(t, "organisation", b.used(t, models, b.two, "anthropic"))
			require.Equal(t, "none", b.used(t, models, b.two, "gemini"))

			again := b.set(t, providerkey.SetInput{ProjectID: b.one.ID, Provider: "anthropic", Key: "another"})
			require.NotEqual(t, own.ID, again.ID)
			require.Equal(t, "another", b.used(t, models, b.one, "anthropic"))
			for _, id := range []string{again.ID, organisation.ID, gemini.ID} {
				require.NoError(t, b.service.Delete(b.ctx(), id))
			}
			require.True(t, problem.Is(b.service.Delete(b.ctx(), own.ID), problem.NotFound))
			require.Equal(t, "the instance's", b.used(t, models, b.one, "anthropic"))
		}
	})
}

func TestKeysOfOthersAreNeverUsed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		eve := storetest.User(t, db, "eve@example.com")
		theirs, err := db.Ent.OrgMembership.Query().Where(orgmembership.UserID(eve.UserID)).QueryOrganisation().OnlyID(storetest.Unchecked(t.Context()))
		require.NoError(t, err)
		_, err = b.service.Set(access.WithViewer(t.Context(), eve), providerkey.SetInput{OrganisationID: theirs, Provider: "anthropic", Key: "eve's"})
		require.NoError(t, err)
		require.Equal(t, "the instance's", b.used(t, b.models, b.one, "anthropic"))
	})
}

// Somebody who can write to the database can't have one tenant pay with another's key.
func TestAKeyThatIsMovedStaysClosed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		ctx := storetest.Unchecked(t.Context())
		k := b.set(t, providerkey.SetInput{ProjectID: b.one.ID, Provider: "anthropic", Key: "project"})
		require.Equal(t, "project", b.used(t, b.models, b.one, "anthropic"))
		row := func() *ent.ProviderKeyCreate {
			return db.Ent.ProviderKey.Create().SetOrganisationID(b.organisation).SetCiphertext(k.Ciphertext)
		}
		for name, moved := range map[string]*ent.ProviderKeyCreate{
			"another project":  row().SetProjectID(b.two.ID).SetSubject(b.two.ID).SetProvider("anthropic"),
			"the organisation": row().SetSubject(b.organisation).SetProvider("anthropic"),
			"another provider": row().SetProjectID(b.two.ID).SetSubject(b.two.ID).SetProvider("gemini"),
		} {
			t.Run(name, func(t *testing.T) {
				made, err := moved.Save(ctx)
				require.NoError(t, err)
				answer := b.used(t, b.models, b.two, made.Provider)
				require.Contains(t, answer, "model auth: the ")
				require.Contains(t, answer, "it is damaged, or was moved from another place")
				_, err = db.Ent.ProviderKey.Delete().Where(entkey.ID(made.ID)).Exec(ctx)
				require.NoError(t, err)
			})
		}
	})
}

func TestAKeyOfAnotherSecretFailsItsProviderOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.set(t, providerkey.SetInput{OrganisationID: b.organisation, Provider: "anthropic", Key: "organisation"})
		service, models := b.node(t, "another secret of some length")
		r, err := models.For(t.Context(), b.one.ID)
		require.NoError(t, err)
		plan, err := r.Plan(t.Context(), route.Wish{})
		require.NoError(t, err)
		v := plan.Begin()
		require.Equal(t, "anthropic", v.Candidate.Server)
		_, err = v.Candidate.Provider.Stream(t.Context(), llm.OneToken(), func(string) error { return nil })
		e, ok := errors.AsType[*llm.Error](err)
		require.True(t, ok)
		require.Equal(t, llm.KindAuth, e.Kind)
		require.Contains(t, e.Message, "the organisation's key of anthropic can't be decrypted")
		require.Contains(t, e.Message, "ZEBLIT_SECRET")
		require.Contains(t, e.Message, "Set the key again")
		v = plan.After(err)
		require.Equal(t, route.Fallback, v.Action)
		require.Equal(t, "vllm", v.Candidate.Server)

		checked, err := service.Check(b.ctx(), providerkey.CheckInput{OrganisationID: b.organisation, Provider: "anthropic"})
		require.NoError(t, err)
		require.False(t, checked.OK)
		require.Equal(t, e.Message, checked.Message)

		// Setting it again is what helps.
		_, err = service.Set(b.ctx(), providerkey.SetInput{OrganisationID: b.organisation, Provider: "anthropic", Key: "again"})
		require.NoError(t, err)
		require.Equal(t, "again", b.used(t, models, b.one, "anthropic"))
	})
}

func TestBadKeysAreRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		in := providerkey.SetInput{ProjectID: b.one.ID, Provider: "anthropic"}
		for _, key := range []string{"", " \n", "canary with spaces", "canary\ttab", "canary\x00", "canäry", strings.Repeat("canary", 100)} {
			in.Key = key
			_, err := b.service.Set(b.ctx(), in)
			p := problem.As(err)
			require.NotNil(t, p, "%q", key)
			require.Equal(t, []any{problem.BadInput, "key"}, []any{p.Code, p.Field})
			require.NotContains(t, p.Message, "can")
			_, err = b.service.Check(b.ctx(), providerkey.CheckInput{ProjectID: b.one.ID, Provider: "anthropic", Key: &key})
			require.Equal(t, "key", problem.As(err).Field)
		}
		in.Provider, in.Key = "antropic", "canary"
		_, err := b.service.Set(b.ctx(), in)
		require.Equal(t, problem.BadField("provider", "no such provider; there are: anthropic, openai, gemini, vllm"), err)
		in.Provider, in.OrganisationID = "anthropic", b.organisation
		_, err = b.service.Set(b.ctx(), in)
		require.Equal(t, "projectId", problem.As(err).Field)
		_, err = b.service.Set(b.ctx(), providerkey.SetInput{Provider: "anthropic", Key: "canary"})
		require.Equal(t, "organisationId", problem.As(err).Field)
		require.Zero(t, b.db.Ent.ProviderKey.Query().CountX(storetest.Unchecked(t.Context())))
	})
}

func TestHintsShowTheEndOfLongKeysOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	for key, want := range map[string]string{"0123456789abcde": "", "0123456789abcdef": "cdef"} {
		require.Equal(t, want, b.set(t, providerkey.SetInput{ProjectID: b.one.ID, Provider: "openai", Key: key}).Hint)
	}
}

func TestASharedDatabaseNeedsASecret(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	service, _ := b.node(t, "")
	_, err := service.Set(b.ctx(), providerkey.SetInput{ProjectID: b.one.ID, Provider: "openai", Key: "key"})
	require.True(t, problem.Is(err, problem.PreconditionFailed))
	require.ErrorContains(t, err, "ZEBLIT_SECRET")
}

func TestCheckSaysWhatTheVendorSays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setup(t, db)
		b.model.Models(func(key string) (int, string, string) {
			if key == "good" || key == "the instance's" {
				return 200, "application/json", `{"data":[]}`
			}
			return 401, "application/json", `{"error":{"type":"authentication_error","message":"I don't know ` + key + `, sorry"}}`
		})
		check := func(in providerkey.CheckInput) *providerkey.Checked {
			in.Provider = "anthropic"
			c, err := b.service.Check(b.ctx(), in)
			require.NoError(t, err)
			return c
		}
		good, bad := "good", "bad-canary"
		require.True(t, check(providerkey.CheckInput{ProjectID: b.one.ID}).OK, "the instance's")
		require.True(t, check(providerkey.CheckInput{ProjectID: b.one.ID, Key: &good}).OK)
		c := check(providerkey.CheckInput{OrganisationID: b.organisation, Key: &bad})
		require.False(t, c.OK)
		require.Equal(t, "HTTP 401: I don't know [key], sorry", c.Message)
		b.set(t, providerkey.SetInput{OrganisationID: b.organisation, Provider: "anthropic", Key: bad})
		require.False(t, check(providerkey.CheckInput{ProjectID: b.one.ID}).OK, "the organisation's")
		b.set(t, providerkey.SetInput{ProjectID: b.one.ID, Provider: "anthropic", Key: good})
		require.True(t, check(providerkey.CheckInput{ProjectID: b.one.ID}).OK, "the project's")
		b.model.Close()
		c = check(providerkey.CheckInput{ProjectID: b.one.ID})
		require.False(t, c.OK)
		require.NotEmpty(t, c.Message)

		_, err := b.service.Check(b.ctx(), providerkey.CheckInput{Provider: "anthropic"})
		require.True(t, problem.Is(err, problem.Forbidden))
		_, err = b.service.Check(b.ctx(), providerkey.CheckInput{ProjectID: b.one.ID, Provider: "gemini"})
		require.Equal(t, "key", problem.As(err).Field)
		_, err = b.service.Check(b.ctx(), providerkey.CheckInput{ProjectID: b.one.ID, Provider: "nobody"})
		require.Equal(t, "provider", problem.As(err).Field)
	})
}

func TestChecksAreLimitedByPerson(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t))
	b.model.Models(func(string) (int, string, string) {
		t.Error("the vendor was asked")
		return 200, "application/json", "{}"
	})
	service := providerkey.NewService(b.models, nil, func(_ context.Context, name, who string) error {
		require.Equal(t, []string{"check-provider", b.owner.UserID}, []string{name, who})
		return problem.New(problem.RateLimited, "later")
	})
	key := "key"
	_, err := service.Check(b.ctx(), providerkey.CheckInput{ProjectID: b.one.ID, Provider: "anthropic", Key: &key})
	require.True(t, problem.Is(err, problem.RateLimited))
	_, err = service.Check(b.ctx(), providerkey.CheckInput{Provider: "anthropic", Key: &key})
	require.True(t, problem.Is(err, problem.Forbidden), "who may not is told so first")
}

// The file's key is as good as a secret where one process has the database.
func TestTheKeyFileOutlivesAProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), seal.FileName)
	db := storetest.SQLite(t)
	b := setup(t, db)
	node := func() (*providerkey.Service, *providerkey.Models) {
		sealer, err := seal.New("", path)
		require.NoError(t, err)
		router, err := route.New(route.Options{Servers: []route.Server{{Name: "demo", Default: "demo"}}})
		require.NoError(t, err)
		models := providerkey.NewModels(providerkey.Options{
			DB: db, Sealer: sealer, Router: router, Logger: slog.New(slog.DiscardHandler),
			Providers: configured.Options{AnthropicBaseURL: b.model.AnthropicURL(), HTTPClient: b.model.Client()},
		})
		return providerkey.NewService(models, nil, nil), models
	}
	service, _ := node()
	_, err := service.Set(b.ctx(), providerkey.SetInput{ProjectID: b.one.ID, Provider: "anthropic", Key: "project"})
	require.NoError(t, err)
	_, models := node()
	require.Equal(t, "project", b.used(t, models, b.one, "anthropic"))
	require.Equal(t, "none", b.used(t, models, b.one, "demo"), "the demo model gives way")
}
