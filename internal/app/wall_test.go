package app_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/zeblit/zeblit"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
)

// foreign fills the arguments of a root field with another tenant's ids, by the
// names of the arguments, and with anything where no id is due. It reports
// whether there was an id at all. An id argument that it doesn't know fails the
// test: say here whose it is. The one for "" is in the place of all others, and also a
// text.
func foreign(t *testing.T, schema *ast.Schema, field *ast.FieldDefinition, ids map[string]string) (arguments string, any bool) {
	t.Helper()
	var value func(name string, typ *ast.Type) string
	value = func(name string, typ *ast.Type) string {
		switch {
		case typ.Elem != nil:
			if v := value(name, typ.Elem); v != "" {
				return "[" + v + "]"
			}
			return ""
		case typ.NamedType == "ID":
			id, known := ids[name]
			if every, ok := ids[""]; !known && ok {
				id, known = every, true
			}
			require.True(t, known, "%s(%s:): which id is that?", field.Name, name)
			any = true
			return quoted(id)
		case schema.Types[typ.NamedType].Kind == ast.InputObject:
			var fields []string
			for _, f := range schema.Types[typ.NamedType].Fields {
				if v := value(f.Name, f.Type); v != "" {
					fields = append(fields, f.Name+": "+v)
				}
			}
			return "{" + strings.Join(fields, ", ") + "}"
		case schema.Types[typ.NamedType].Kind == ast.Enum:
			return schema.Types[typ.NamedType].EnumValues[0].Name
		case !typ.NonNull:
			return ""
		case typ.NamedType == "Int":
			return "1"
		case typ.NamedType == "Boolean":
			return "false"
		case typ.NamedType == "Money":
			return `"1"`
		}
		return quoted(cmp.Or(ids[""], "something"))
	}
	var all []string
	for _, a := range field.Arguments {
		if v := value(a.Name, a.Type); v != "" {
			all = append(all, a.Name+": "+v)
		}
	}
	if len(all) == 0 {
		return "", any
	}
	return "(" + strings.Join(all, ", ") + ")", any
}

// quoted is a text as GraphQL has it.
func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// inDatabase writes what nobody can make by the API into the database of a system that runs.
func inDatabase(t *testing.T, cfg config.Config, write func(ctx context.Context, db *store.DB) (id string, err error)) string {
	t.Helper()
	open := func() (*store.DB, error) { return store.OpenPostgres(cfg.DatabaseURL) }
	if cfg.Embedded() {
		open = func() (*store.DB, error) { return store.OpenSQLite(filepath.Join(cfg.DataDir, "zeblit.db")) }
	}
	db, err := open()
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	id, err := write(storetest.Unchecked(t.Context()), db)
	require.NoError(t, err)
	return id
}

// plan is a plan of the run.
func plan(t *testing.T, cfg config.Config, project, run, user string) string {
	t.Helper()
	return inDatabase(t, cfg, func(ctx context.Context, db *store.DB) (string, error) {
		p, err := db.Ent.Plan.Create().SetProjectID(project).SetRunID(run).SetUserID(user).SetSummary("s").SetState(enum.PlanDone).Save(ctx)
		if err != nil {
			return "", err
		}
		return p.ID, nil
	})
}

// asked is a question of the run, which nobody has answered.
func asked(t *testing.T, cfg config.Config, runID string) string {
	t.Helper()
	return inDatabase(t, cfg, func(ctx context.Context, db *store.DB) (string, error) {
		r, err := db.Ent.Run.Get(ctx, runID)
		if err != nil {
			return "", err
		}
		q, err := db.Ent.Question.Create().SetProjectID(r.ProjectID).SetConversationID(r.ConversationID).SetRunID(r.ID).SetAgentID(r.AgentID).
			SetText("Which?").SetAllowOther(true).SetState(enum.QuestionOpen).SetDeadlineAt(time.Now().Add(time.Hour)).Save(ctx)
		if err != nil {
			return "", err
		}
		return q.ID, nil
	})
}

func TestNoFieldTakesAnotherTenantsIDs(t *testing.T) {
	t.Parallel()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: zeblit.SDL})
	require.NoError(t, err)
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		cfg.Secret = "a secret of some length"
		s := start(t, cfg)
		project := s.newProject(t, "Secret")
		run := s.send(t, project, "Build a to-do list page")
		s.watch(t, s.key, project, "start").untilEnd(t)
		set := s.do(t, `mutation($p: ID!) { setBudget(input: {scope: PROJECT, projectId: $p, period: TOTAL, limit: "1"}) { budget { id } } }`, object{"p": project})
		key := s.do(t, `mutation($p: ID!) { setProviderKey(input: {projectId: $p, provider: "openai", key: "key"}) { providerKey { id } } }`, object{"p": project})
		rule := s.do(t, `mutation($p: ID!) { setPermissionRule(input: {projectId: $p, outcome: ASK, class: WRITE}) { permissionRule { id } } }`, object{"p": project})
		command := s.do(t, `mutation($p: ID!) { runCommand(input: {projectId: $p, shell: "true"}) { command { id } } }`, object{"p": project})
		s.do(t, `mutation($p: ID!) { createBranch(input: {projectId: $p, name: "other"}) { branch { name } } }`, object{"p": project})
		merging := s.do(t, `mutation($p: ID!) { mergeBranch(input: {projectId: $p, source: "other"}) { merge { id } } }`, object{"p": project})
		s.do(t, `mutation($p: ID!) { writeFile(input: {projectId: $p, path: "bad.js", text: "eval(location.hash);\n"}) { file { path } } }`, object{"p": project})
		scanned := s.do(t, `mutation($p: ID!) { scanProject(input: {projectId: $p}) { project { findings(first: 1) { edges { node { id } } } } } }`, object{"p": project})
		task := s.do(t, `mutation($p: ID!) { createTask(input: {projectId: $p, title: "T", criteria: ["c"]}) { task { id criteria { id } } } }`, object{"p": project})["createTask"].(object)["task"].(object)
		data := s.do(t, `query($p: ID!) { project(id: $p) { organisation { id } owner { id } conversations(first: 1) { edges { node { id } } } messages(first: 1) { edges { node { id } } } checkpoints(first: 1) { edges { node { id } } } }
			viewer { apiKeys(first: 1) { edges { node { id } } } } }`, object{"p": project})
		p := data["project"].(object)
		ids := map[string]string{
			"projectId": project, "runId": run,
			"conversationId":   nodes(p["conversations"])[0]["id"].(string),
			"organisationId":   p["organisation"].(object)["id"].(string),
			"userId":           p["owner"].(object)["id"].(string),
			"budgetId":         set["setBudget"].(object)["budget"].(object)["id"].(string),
			"providerKeyId":    key["setProviderKey"].(object)["providerKey"].(object)["id"].(string),
			"commandId":        command["runCommand"].(object)["command"].(object)["id"].(string),
			"messageId":        nodes(p["messages"])[0]["id"].(string),
			"questionId":       asked(t, cfg, run),
			"mergeId":          merging["mergeBranch"].(object)["merge"].(object)["id"].(string),
			"checkpointId":     nodes(p["checkpoints"])[0]["id"].(string),
			"apiKeyId":         nodes(data["viewer"].(object)["apiKeys"])[0]["id"].(string),
			"approvalId":       "apr_00000000000000000000000000",
			"permissionRuleId": rule["setPermissionRule"].(object)["permissionRule"].(object)["id"].(string),
			"findingId":        nodes(scanned["scanProject"].(object)["project"].(object)["findings"])[0]["id"].(string),
			"taskId":           task["id"].(string),
			"afterTaskId":      task["id"].(string),
			"dependsOn":        task["id"].(string),
			"criterionId":      task["criteria"].([]any)[0].(object)["id"].(string),
			"planId":           plan(t, cfg, project, run, p["owner"].(object)["id"].(string)),
		}
		_, signed := s.post(t, "", `mutation { signUp(input: {email: "eve@example.com", password: "correct horse", name: "Eve"}) { accessToken } }`, nil)
		eve := signed.Data["signUp"].(object)["accessToken"].(string)

		tried := 0
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
			for _, field := range root.Fields {
				if strings.HasPrefix(field.Name, "__") {
					continue
				}
				ids["id"], ids["ids"] = project, project
				if field.Name == "run" {
					ids["id"] = run
				}
				arguments, takesID := foreign(t, schema, field, ids)
				if !takesID {
					continue
				}
				tried++
				query := fmt.Sprintf("%s { %s%s { __typename } }", strings.ToLower(root.Name), field.Name, arguments)
				answers := []answer{s.socketPost(t, eve, query, nil), s.eventPost(t, eve, query)}
				if root != schema.Subscription {
					_, a := s.post(t, eve, query, nil)
					answers = append(answers, a)
				}
				for _, a := range answers {
					switch field.Name {
					case "node":
						require.Empty(t, a.Errors)
						require.Nil(t, a.Data["node"])
					case "nodes":
						require.Empty(t, a.Errors)
						require.Equal(t, []any{nil}, a.Data["nodes"])
					default:
						require.Equal(t, "NOT_FOUND", a.code(), "%s: %+v", query, a)
					}
				}
			}
		}
		require.GreaterOrEqual(t, tried, 12)
	})
}

// What no database can hold is the client's mistake, wherever it stands.
func TestNoTextIsAnInternalError(t *testing.T) {
	t.Parallel()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: zeblit.SDL})
	require.NoError(t, err)
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s := start(t, cfg)
		for _, ids := range []map[string]string{{"": "a\x00"}, {"": "a\x00", "projectId": s.newProject(t, "Mine")}} {
			for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
				for _, field := range root.Fields {
					if strings.HasPrefix(field.Name, "__") {
						continue
					}
					arguments, _ := foreign(t, schema, field, ids)
					if arguments == "" {
						continue
					}
					query := fmt.Sprintf("%s { %s%s { __typename } }", strings.ToLower(root.Name), field.Name, arguments)
					if a := s.socketPost(t, s.key, query, nil); len(a.Errors) > 0 {
						require.NotContains(t, []string{"INTERNAL", "UNAVAILABLE"}, a.code(), "%s: %+v", query, a)
					}
				}
			}
		}
	})
}

func TestRandomCutsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		cfg.DemoPace = time.Millisecond
		s := start(t, cfg)
		project := s.newProject(t, "Cut")
		seed := rand.Uint64()
		t.Log("seed", seed)
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's dice
		s.send(t, project, "Build a to-do list page")
		var all []received
		cursor, cuts, ended := "start", 0, false
		for !ended {
			w := s.watch(t, s.key, project, cursor)
			for range 1 + random.IntN(4) {
				e, ok := w.next(t)
				require.True(t, ok, w.fail)
				all, cursor = append(all, e), e.Cursor
				if ended = e.State == "SUCCEEDED"; ended {
					break
				}
			}
			require.NoError(t, w.conn.Close())
			cuts++
		}
		require.Greater(t, cuts, 3)
		require.Equal(t, s.watch(t, s.key, project, "start").untilEnd(t), all)
	})
}
