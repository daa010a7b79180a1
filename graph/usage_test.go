package graph_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/orgmembership"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// usageBundle is a project with an owner, a viewer, an admin of its organisation who is
// no member, a plain member of the organisation, a stranger and an admin of the
// installation.
type usageBundle struct {
	*bundle
	owner, viewer, boss, colleague, eve, root access.Viewer
	project                                   *ent.Project
	run                                       *ent.Run
}

func setupUsage(t *testing.T, db *store.DB) *usageBundle {
	ctx := storetest.Unchecked(context.Background())
	b := &usageBundle{bundle: setup(t, db)}
	b.owner = storetest.User(t, db, "owner@example.com")
	b.project = storetest.Project(t, db, b.owner, "P") // in the only organisation that there is yet
	b.run = storetest.Run(t, db, b.project, enum.RunSucceeded)
	for name, v := range map[string]*access.Viewer{"viewer": &b.viewer, "boss": &b.boss, "colleague": &b.colleague, "eve": &b.eve, "root": &b.root} {
		*v = storetest.User(t, db, name+"@example.com")
	}
	require.NoError(t, db.Ent.User.UpdateOneID(b.root.UserID).SetAdmin(true).Exec(ctx))
	require.NoError(t, db.Ent.Membership.Create().SetProjectID(b.project.ID).SetUserID(b.viewer.UserID).SetRole(enum.ProjectViewer).Exec(ctx))
	require.NoError(t, db.Ent.OrgMembership.Update().Where(orgmembership.UserID(b.owner.UserID)).SetRole(enum.OrganisationMember).Exec(ctx))
	for v, role := range map[string]enum.OrganisationRole{b.boss.UserID: enum.OrganisationAdmin, b.colleague.UserID: enum.OrganisationMember} {
		require.NoError(t, db.Ent.OrgMembership.Create().SetOrganisationID(b.project.OrganisationID).SetUserID(v).SetRole(role).Exec(ctx))
	}
	return b
}

func (b *usageBundle) record(t *testing.T, at string, change func(*ent.UsageRecordCreate)) {
	t.Helper()
	began, err := time.Parse(time.RFC3339, at)
	require.NoError(t, err)
	create := b.db.Ent.UsageRecord.Create().SetCreatedAt(began).SetOrganisationID(b.project.OrganisationID).SetProjectID(b.project.ID).
		SetRunID(b.run.ID).SetRootRunID(b.run.ID).SetAgentID(b.run.AgentID).SetUserID(b.owner.UserID).SetStep(0).SetAttempt(1).
		SetProvider("anthropic").SetModel("big").SetInputTokens(100).SetCacheReadTokens(20).SetOutputTokens(10).SetCost(1_000_000).SetOutcome(enum.CallOK)
	change(create)
	require.NoError(t, create.Exec(storetest.Unchecked(context.Background())))
}

const span = `from: "2026-01-01T00:00:00Z", to: "2026-03-01T00:00:00Z"`

func TestUsageIsAddedUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setupUsage(t, db)
		b.record(t, "2026-01-31T23:59:59Z", func(*ent.UsageRecordCreate) {})
		b.record(t, "2026-02-01T00:00:00Z", func(c *ent.UsageRecordCreate) { c.SetUserID(b.viewer.UserID).SetRunID("run_child") })
		b.record(t, "2026-02-01T10:30:00Z", func(c *ent.UsageRecordCreate) {
			c.Mutation().ResetCost()
			c.SetModel("none").SetEstimated(true).SetOutcome(enum.CallAbandoned)
		})
		b.record(t, "2025-12-31T10:30:00Z", func(c *ent.UsageRecordCreate) { c.SetRootRunID("run_other") })
		v := map[string]any{"p": b.project.ID, "r": b.run.ID}

		run := at(b.do(as(b.viewer), t, `query($r: ID!) { run(id: $r) {
			usage { calls inputTokens outputTokens cacheReadTokens cost unpricedCalls estimatedCalls failedCalls }
			usageRecords(last: 1) { nodes { model cost priceAsOf outcome estimated run { id } user { id } latencyMs firstTokenMs } } } }`, v), "run")
		require.Equal(t, map[string]any{
			"calls": 3.0, "inputTokens": 360.0, "outputTokens": 30.0, "cacheReadTokens": 60.0, "cost": "0.002",
			"unpricedCalls": 1.0, "estimatedCalls": 1.0, "failedCalls": 1.0,
		}, at(run, "usage"))
		require.Equal(t, map[string]any{
			"model": "none", "cost": nil, "priceAsOf": nil, "outcome": "ABANDONED", "estimated": true,
			"run": map[string]any{"id": b.run.ID}, "user": map[string]any{"id": b.owner.UserID}, "latencyMs": 0.0, "firstTokenMs": nil,
		}, at(run, "usageRecords", "nodes", 0))

		rows := func(ask string) []any {
			data := b.do(as(b.viewer), t, `query($p: ID!) { project(id: $p) { usage(`+ask+`) {
				start provider model agent { slug } user { id } usage { calls cost } } } }`, v)
			return at(data, "project", "usage").([]any)
		}
		days := rows(span)
		require.Len(t, days, 2)
		require.Equal(t, "2026-01-31T00:00:00.000000Z", at(days, 0, "start"))
		require.Equal(t, map[string]any{"calls": 2.0, "cost": "0.001"}, at(days, 1, "usage"))
		models := rows(span + ", by: MODEL")
		require.Equal(t, []any{"big", "anthropic", nil}, []any{at(models, 0, "model"), at(models, 0, "provider"), at(models, 0, "start")})
		require.Equal(t, map[string]any{"calls": 1.0, "cost": "0"}, at(models, 1, "usage"))
		people := rows(span + ", by: USER, interval: MONTH")
		require.Len(t, people, 3, "in January one, in February two")
		require.Equal(t, b.owner.UserID, at(people, 0, "user", "id"))
		require.Equal(t, "engineer", at(rows(span+", by: AGENT"), 0, "agent", "slug"))
		require.Len(t, rows(span+", by: PROJECT, interval: HOUR"), 3)
		require.Empty(t, rows(`from: "2026-03-01T00:00:00Z", to: "2026-03-02T00:00:00Z", by: MODEL`))

		for ask, field := range map[string]string{
			`from: "2026-03-01T00:00:00Z", to: "2026-03-01T00:00:00Z"`: "from", `by: DAY, interval: HOUR`: "interval",
		} {
			_, extensions := b.try(as(b.viewer), t, `query($p: ID!) { project(id: $p) { usage(`+ask+`) { start } } }`, v)
			require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": field}, extensions)
		}
	})
}

func TestWhoSeesWhatOrganisationsAndPeopleSpend(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setupUsage(t, db)
		b.record(t, "2026-01-31T00:00:00Z", func(c *ent.UsageRecordCreate) { c.SetProjectID("prj_gone") })
		b.record(t, "2026-01-31T00:00:00Z", func(c *ent.UsageRecordCreate) { c.SetUserID(b.viewer.UserID) })
		query := `query($o: ID!) { node(id: $o) { ... on Organisation { usage(` + span + `) { usage { calls } } budgets { nodes { id } } } } viewer { usage(` + span + `) { usage { calls } } } }`
		ask := func(v access.Viewer) (organisation, own any) {
			data := b.do(as(v), t, query, map[string]any{"o": b.project.OrganisationID})
			return data["node"], at(data, "viewer", "usage")
		}
		organisation, _ := ask(b.boss)
		require.Equal(t, 2.0, at(organisation, "usage", 0, "usage", "calls"), "those of deleted projects included")
		for _, v := range []access.Viewer{b.owner, b.colleague} {
			organisation, _ = ask(v)
			require.Nil(t, at(organisation, "usage"))
			require.Nil(t, at(organisation, "budgets"))
		}
		organisation, _ = ask(b.eve)
		require.Nil(t, organisation)
		_, own := ask(b.viewer)
		require.Equal(t, 1.0, at(own, 0, "usage", "calls"))
		_, own = ask(b.eve)
		require.Empty(t, own)
	})
}

// TestWhoMaySetWhichBudget tries each of six people on each scope.
func TestWhoMaySetWhichBudget(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setupUsage(t, db)
		people := []access.Viewer{b.owner, b.viewer, b.boss, b.colleague, b.eve, b.root}
		scopes := []struct {
			input map[string]any
			// What each of people is told: the code, or "" where they may.
			codes [6]string
		}{
			{map[string]any{"scope": "PROJECT", "projectId": b.project.ID}, [6]string{"", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"}},
			{map[string]any{"scope": "AGENT", "projectId": b.project.ID, "agent": "engineer"}, [6]string{"", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"}},
			{map[string]any{"scope": "RUN", "runId": b.run.ID, "period": "TOTAL"}, [6]string{"", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"}},
			{map[string]any{"scope": "ORGANISATION", "organisationId": b.project.OrganisationID}, [6]string{"FORBIDDEN", "NOT_FOUND", "", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND"}},
			{map[string]any{"scope": "USER", "userId": b.colleague.UserID, "organisationId": b.project.OrganisationID}, [6]string{"FORBIDDEN", "NOT_FOUND", "", "FORBIDDEN", "NOT_FOUND", "NOT_FOUND"}},
			{map[string]any{"scope": "USER", "userId": b.colleague.UserID}, [6]string{"NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "FORBIDDEN", "NOT_FOUND", ""}},
			{map[string]any{"scope": "INSTANCE"}, [6]string{"FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN", ""}},
		}
		const set = `mutation($i: SetBudgetInput!) { setBudget(input: $i) { budget { id scope period limit spent reserved project { id } } } }`
		code := func(extensions map[string]any) string {
			if extensions == nil {
				return ""
			}
			return extensions["code"].(string)
		}
		for _, of := range scopes {
			if of.input["period"] == nil {
				of.input["period"] = "MONTH"
			}
			of.input["limit"] = "12.50"
			var made string
			for i, v := range people {
				data, extensions := b.try(as(v), t, set, map[string]any{"i": of.input})
				require.Equal(t, of.codes[i], code(extensions), "%v by %d", of.input, i)
				if extensions == nil {
					made = at(data, "setBudget", "budget", "id").(string)
					require.Equal(t, []any{"12.5", "0", "0"}, []any{at(data, "setBudget", "budget", "limit"), at(data, "setBudget", "budget", "spent"), at(data, "setBudget", "budget", "reserved")})
				}
			}
			require.NotEmpty(t, made)
			for i, v := range people {
				if of.codes[i] == "" {
					continue
				}
				_, extensions := b.try(as(v), t, `mutation($b: ID!) { deleteBudget(input: {budgetId: $b}) { budgetId } }`, map[string]any{"b": made})
				require.Contains(t, []string{"NOT_FOUND", "FORBIDDEN"}, code(extensions), "%v by %d", of.input, i)
			}
			for i, v := range people {
				if of.codes[i] == "" {
					of.input["limit"] = "0.000000001"
					data := b.do(as(v), t, set, map[string]any{"i": of.input})
					require.Equal(t, made, at(data, "setBudget", "budget", "id"), "it is changed, and not made again")
					b.do(as(v), t, `mutation($b: ID!) { deleteBudget(input: {budgetId: $b}) { budgetId } }`, map[string]any{"b": made})
				}
			}
		}
		n, err := db.Ent.Budget.Query().Count(storetest.Unchecked(context.Background()))
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// TestWhoSeesWhichBudget asks for every budget by its id, and in the lists.
func TestWhoSeesWhichBudget(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setupUsage(t, db)
		set := func(v access.Viewer, input map[string]any) string {
			input["period"], input["limit"] = "TOTAL", "1"
			data := b.do(as(v), t, `mutation($i: SetBudgetInput!) { setBudget(input: $i) { budget { id } } }`, map[string]any{"i": input})
			return at(data, "setBudget", "budget", "id").(string)
		}
		ids := []string{
			set(b.owner, map[string]any{"scope": "PROJECT", "projectId": b.project.ID}),
			set(b.owner, map[string]any{"scope": "RUN", "runId": b.run.ID}),
			set(b.boss, map[string]any{"scope": "ORGANISATION", "organisationId": b.project.OrganisationID}),
			set(b.boss, map[string]any{"scope": "USER", "userId": b.colleague.UserID, "organisationId": b.project.OrganisationID}),
			set(b.root, map[string]any{"scope": "INSTANCE"}),
		}
		const query = `query($ids: [ID!]!, $p: ID!) { nodes(ids: $ids) { ... on Budget { spent limit } } viewer { budgets { nodes { id } } } project(id: $p) { budgets { nodes { id } } } }`
		for _, c := range []struct {
			who  access.Viewer
			sees [5]bool
		}{
			{b.owner, [5]bool{true, true, false, false, false}}, {b.viewer, [5]bool{true, true, false, false, false}},
			{b.boss, [5]bool{false, false, true, true, false}}, {b.colleague, [5]bool{false, false, false, true, false}},
			{b.eve, [5]bool{}}, {b.root, [5]bool{false, false, false, false, true}},
		} {
			data, _ := b.try(as(c.who), t, query, map[string]any{"ids": ids, "p": b.project.ID})
			for i := range ids {
				require.Equal(t, c.sees[i], at(data, "nodes", i) != nil, "%d of %s", i, c.who.UserID)
			}
			if c.sees[0] {
				require.Len(t, at(data, "project", "budgets", "nodes"), 2)
			}
			own := 0
			if c.who == b.colleague {
				own = 1
			}
			require.Len(t, at(data, "viewer", "budgets", "nodes"), own)
			all, extensions := b.try(as(c.who), t, `{ budgets { nodes { id } } }`, nil)
			if c.who == b.root {
				require.Len(t, at(all, "budgets", "nodes"), 1)
			} else {
				require.Equal(t, "FORBIDDEN", extensions["code"])
			}
		}
	})
}

func TestBadAmountsAreRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setupUsage(t, db)
		for _, limit := range []any{"0", "-1", "0.0000000001", "much", 12.5, "1000000001", ""} {
			_, extensions := b.try(as(b.owner), t, `mutation($i: SetBudgetInput!) { setBudget(input: $i) { budget { id } } }`,
				map[string]any{"i": map[string]any{"scope": "PROJECT", "projectId": b.project.ID, "period": "DAY", "limit": limit}})
			require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": "limit"}, extensions, "%v", limit)
		}
	})
}
