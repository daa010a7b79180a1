package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/stretchr/testify/require"
	"github.com/vektah/gqlparser/v2/ast"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/membership"
	"github.com/zeblit/zeblit/graph"
	"github.com/zeblit/zeblit/graph/internal/sdl"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/console"
	"github.com/zeblit/zeblit/internal/filelink"
	"github.com/zeblit/zeblit/internal/identity"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/preview"
	"github.com/zeblit/zeblit/internal/project"
	"github.com/zeblit/zeblit/internal/providerkey"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/seal"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/stream/memory"
	"github.com/zeblit/zeblit/internal/usage"
	"github.com/zeblit/zeblit/internal/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestThePublishedSchemaIsFresh(t *testing.T) {
	t.Parallel()
	published, err := os.ReadFile("../schema.graphql")
	require.NoError(t, err)
	require.Equal(t, string(sdl.Compose()), string(published), "run make generate")
}

func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	need := func(description, what string, args ...any) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", fmt.Sprintf(what, args...))
		}
	}
	for _, d := range sdl.Schema().Types {
		if d.BuiltIn || strings.HasPrefix(d.Name, "__") {
			continue
		}
		need(d.Description, "%s", d.Name)
		if d.Kind == ast.Scalar {
			require.NotNil(t, d.Directives.ForName("specifiedBy"), d.Name)
		}
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			need(f.Description, "%s.%s", d.Name, f.Name)
			for _, a := range f.Arguments {
				need(a.Description, "%s.%s(%s:)", d.Name, f.Name, a.Name)
			}
		}
		for _, v := range d.EnumValues {
			need(v.Description, "%s.%s", d.Name, v.Name)
		}
	}
}

type bundle struct {
	db     *store.DB
	exec   *executor.Executor
	models *route.Router
}

func setup(t *testing.T, db *store.DB, more ...func(*graph.Deps)) *bundle {
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	carrier := memory.New()
	log := stream.NewLog(db, carrier, logger)
	models := models(t)
	sealer, err := seal.New("a secret of some length", "")
	require.NoError(t, err)
	keys := providerkey.NewModels(providerkey.Options{DB: db, Sealer: sealer, Router: models, Logger: logger})
	people, files := identity.New(db, identity.Options{Issuer: "test", Logger: logger}), workspace.New(db, log)
	require.NoError(t, people.Start(t.Context()))
	url := func() string { return "https://zeblit.example" }
	deps := graph.Deps{
		PublicURL: url, FileLinks: filelink.New(db, people, url), Previews: preview.New(preview.Options{DB: db, Files: files, Identity: people, PublicURL: url, Domain: "preview.example"}),
		DB: db, Identity: people, Projects: project.New(db, log, files, run.NewControl(log, nil)),
		Budgets: usage.NewBudgets(db), Workspace: files, Log: log, Hub: stream.NewHub(log, carrier, logger), Logger: logger,
		Models: models, ProviderKeys: providerkey.NewService(keys, nil, nil), Console: console.New(console.Options{DB: db, Log: log, Logger: logger}), Version: "test", Demo: true,
	}
	for _, change := range more {
		change(&deps)
	}
	return &bundle{db: db, models: models, exec: graph.NewExecutor(deps)}
}

func as(v access.Viewer) context.Context { return access.WithViewer(context.Background(), v) }

// start begins an operation and returns what yields its responses.
func (b *bundle) start(ctx context.Context, t *testing.T, query string, variables map[string]any) func() *graphql.Response {
	ctx = graphql.StartOperationTrace(ctx)
	op, errs := b.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		return graphqlOnce(&graphql.Response{Errors: errs})
	}
	next, ctx := b.exec.DispatchOperation(ctx, op)
	return func() *graphql.Response { return next(ctx) }
}

func graphqlOnce(resp *graphql.Response) func() *graphql.Response {
	return func() *graphql.Response { r := resp; resp = nil; return r }
}

// try returns the data and the first error's extensions.
func (b *bundle) try(ctx context.Context, t *testing.T, query string, variables map[string]any) (data map[string]any, extensions map[string]any) {
	t.Helper()
	resp := b.start(ctx, t, query, variables)()
	require.NotNil(t, resp)
	if len(resp.Data) > 0 {
		require.NoError(t, json.Unmarshal(resp.Data, &data))
	}
	if len(resp.Errors) > 0 {
		return data, resp.Errors[0].Extensions
	}
	return data, nil
}

func (b *bundle) do(ctx context.Context, t *testing.T, query string, variables map[string]any) map[string]any {
	t.Helper()
	resp := b.start(ctx, t, query, variables)()
	require.NotNil(t, resp)
	require.Empty(t, resp.Errors)
	var data map[string]any
	require.NoError(t, json.Unmarshal(resp.Data, &data))
	return data
}

func at(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			v = v.(map[string]any)[s]
		case int:
			v = v.([]any)[s]
		}
	}
	return v
}

const createProject = `mutation($input: CreateProjectInput!) { createProject(input: $input) { project { id name description headCursor owner { email } organisation { personal } } } }`

func (b *bundle) create(t *testing.T, v access.Viewer, name string) string {
	t.Helper()
	data := b.do(as(v), t, createProject, map[string]any{"input": map[string]any{"name": name}})
	return at(data, "createProject", "project", "id").(string)
}

func TestCreateProject(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
		input := map[string]any{"name": " To-dos ", "idempotencyKey": "k"}
		made := at(b.do(as(ada), t, createProject, map[string]any{"input": input}), "createProject", "project")
		require.Equal(t, "To-dos", at(made, "name"))
		require.Equal(t, "ada@example.com", at(made, "owner", "email"))
		require.Equal(t, true, at(made, "organisation", "personal"))
		require.Equal(t, stream.CursorAt(at(made, "id").(string), 0), at(made, "headCursor"))

		again := at(b.do(as(ada), t, createProject, map[string]any{"input": input}), "createProject", "project")
		require.Equal(t, at(made, "id"), at(again, "id"))
		input["name"] = "Other"
		_, ext := b.try(as(ada), t, createProject, map[string]any{"input": input})
		require.Equal(t, map[string]any{"code": "CONFLICT", "field": "idempotencyKey"}, ext)

		for _, name := range []string{"", "  ", strings.Repeat("x", 121), "a\nb", "a\x00"} {
			_, ext := b.try(as(ada), t, createProject, map[string]any{"input": map[string]any{"name": name}})
			require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": "name"}, ext)
		}
		_, ext = b.try(as(ada), t, createProject, map[string]any{"input": map[string]any{"name": "x", "organisationId": "org_\x00"}})
		require.Equal(t, map[string]any{"code": "NOT_FOUND", "field": "organisationId"}, ext)
		_, ext = b.try(context.Background(), t, createProject, map[string]any{"input": map[string]any{"name": "x"}})
		require.Equal(t, "UNAUTHENTICATED", ext["code"])
	})
}

func TestPagesBothWays(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
		for _, name := range []string{"b", "A", "c", "a", "b"} {
			b.create(t, ada, name)
		}
		const query = `query($first: Int, $after: Cursor, $last: Int, $before: Cursor, $order: ProjectOrder) {
			projects(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
				edges { node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
		names := func(vars map[string]any) (out string, page any) {
			p := at(b.do(as(ada), t, query, vars), "projects")
			for _, e := range at(p, "edges").([]any) {
				out += at(e, "node", "name").(string)
			}
			return out, at(p, "pageInfo")
		}
		for _, c := range []struct{ field, direction, want string }{
			{"NAME", "ASC", "Aabbc"}, {"NAME", "DESC", "cbbaA"}, {"CREATED_AT", "ASC", "bAcab"}, {"CREATED_AT", "DESC", "bacAb"},
		} {
			order := map[string]any{"field": c.field, "direction": c.direction}
			forwards, backwards := "", ""
			vars := map[string]any{"first": 2, "order": order}
			for more := true; more; {
				got, page := names(vars)
				forwards += got
				more, vars["after"] = at(page, "hasNextPage").(bool), at(page, "endCursor")
			}
			vars = map[string]any{"last": 2, "order": order}
			for more := true; more; {
				got, page := names(vars)
				backwards = got + backwards
				more, vars["before"] = at(page, "hasPreviousPage").(bool), at(page, "startCursor")
			}
			require.Equal(t, c.want, forwards)
			require.Equal(t, c.want, backwards)
		}
		all, _ := names(nil)
		require.Equal(t, "bacAb", all)
		for field, vars := range map[string]map[string]any{
			"first": {"first": 101}, "last": {"last": -1}, "after": {"after": "start"}, "before": {"before": "bm8"},
		} {
			_, ext := b.try(as(ada), t, query, vars)
			require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": field}, ext)
		}
		_, ext := b.try(as(ada), t, `{ projects(first: 3000000000) { edges { cursor } } }`, nil)
		require.Equal(t, map[string]any{"code": "BAD_USER_INPUT", "field": "first"}, ext)
	})
}

func TestNobodySeesAnothersThings(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada, bob := setup(t, db), storetest.User(t, db, "ada@example.com"), storetest.User(t, db, "bob@example.com")
		id := b.create(t, ada, "Secret")
		p, err := db.Ent.Project.Get(as(ada), id)
		require.NoError(t, err)
		run := storetest.Run(t, db, p, enum.RunSucceeded)
		ids := []string{id, run.ID, run.MessageID, run.ConversationID, p.OrganisationID, ada.UserID, run.AgentID, "prj_nope", "\x00"}
		const query = `query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Project { headCursor runs { edges { node { error usage { inputTokens } message { text author { name } } } } } }
			... on Conversation { messages(last: 5) { edges { node { text toolCalls { edges { cursor } } } } } } } }`

		seen := at(b.do(as(ada), t, query, map[string]any{"ids": ids}), "nodes").([]any)
		for i, n := range seen {
			require.Equal(t, i < 7, n != nil, ids[i])
			if n != nil {
				require.Equal(t, ids[i], at(n, "id"))
			}
		}
		require.Equal(t, "test", at(seen, 0, "runs", "edges", 0, "node", "message", "text"))
		require.Equal(t, "test", at(seen, 3, "messages", "edges", 0, "node", "text"))
		for i, n := range at(b.do(as(bob), t, query, map[string]any{"ids": ids}), "nodes").([]any) {
			require.Equal(t, ids[i] == run.AgentID, n != nil, ids[i])
		}
		for _, q := range []string{
			`query($id: ID!) { project(id: $id) { id } }`, `mutation($id: ID!) { updateProject(input: {projectId: $id, name: "x"}) { project { id } } }`,
			`mutation($id: ID!) { deleteProject(input: {projectId: $id}) { projectId } }`,
			`mutation($id: ID!) { writeFile(input: {projectId: $id, path: "a", text: "b"}) { commit } }`,
			`subscription($id: ID!) { projectEvents(projectId: $id) { seq } }`,
		} {
			for _, id := range []string{id, "prj_nope", "\x00"} {
				_, ext := b.try(as(bob), t, q, map[string]any{"id": id})
				require.Equal(t, "NOT_FOUND", ext["code"], q)
				_, ext = b.try(context.Background(), t, q, map[string]any{"id": id})
				require.Equal(t, "UNAUTHENTICATED", ext["code"], q)
			}
		}
		data := b.do(context.Background(), t, `{ viewer { id } serverInfo { version demoModel } }`, nil)
		require.Nil(t, data["viewer"])
		require.Equal(t, true, at(data, "serverInfo", "demoModel"))
	})
}

func TestADeletedProjectIsAsOneThatNeverWas(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
		id, other := b.create(t, ada, "Doomed"), b.create(t, ada, "Other")
		b.do(as(ada), t, `mutation($id: ID!) { writeFile(input: {projectId: $id, path: "a", text: "b"}) { commit } }`, map[string]any{"id": id})
		p, err := db.Ent.Project.Get(as(ada), id)
		require.NoError(t, err)
		run := storetest.Run(t, db, p, enum.RunSucceeded)
		const remove = `mutation($id: ID!) { deleteProject(input: {projectId: $id}) { projectId } }`
		require.Equal(t, id, at(b.do(as(ada), t, remove, map[string]any{"id": id}), "deleteProject", "projectId"))

		ids := []string{id, run.ID, run.MessageID, run.ConversationID, other}
		seen := at(b.do(as(ada), t, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, map[string]any{"ids": ids}), "nodes").([]any)
		for i, n := range seen {
			require.Equal(t, ids[i] == other, n != nil, ids[i])
		}
		all := at(b.do(as(ada), t, `{ projects { edges { node { id } } } }`, nil), "projects", "edges").([]any)
		require.Len(t, all, 1)
		require.Equal(t, other, at(all, 0, "node", "id"))
		for _, q := range []string{
			remove, `query($id: ID!) { project(id: $id) { id files { edges { node { path } } } } }`,
			`mutation($id: ID!) { updateProject(input: {projectId: $id, name: "x"}) { project { id } } }`,
			`mutation($id: ID!) { writeFile(input: {projectId: $id, path: "a", text: "c"}) { commit } }`,
			`mutation($id: ID!) { createDownloadLink(input: {projectId: $id, path: "a"}) { url } }`,
			`subscription($id: ID!) { projectEvents(projectId: $id, after: "start") { seq } }`,
		} {
			_, never := b.try(as(ada), t, q, map[string]any{"id": "prj_00000000000000000000000000"})
			_, ext := b.try(as(ada), t, q, map[string]any{"id": id})
			require.Equal(t, "NOT_FOUND", ext["code"], q)
			require.Equal(t, never, ext, q)
		}
	})
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada := setup(t, db), storetest.User(t, db, "ada@example.com")
		id := b.create(t, ada, "Files")
		const query = `mutation($input: WriteFileInput!) { writeFile(input: $input) { file { path text revision size } commit } }`
		input := map[string]any{"projectId": id, "path": "a.txt", "text": "one", "expectedRevision": "", "idempotencyKey": "k"}
		first := at(b.do(as(ada), t, query, map[string]any{"input": input}), "writeFile")
		require.Equal(t, first, at(b.do(as(ada), t, query, map[string]any{"input": input}), "writeFile"))
		delete(input, "idempotencyKey")
		_, ext := b.try(as(ada), t, query, map[string]any{"input": input})
		one := "one"
		require.Equal(t, map[string]any{"code": "CONFLICT", "field": "path", "conflict": map[string]any{
			"path": "a.txt", "expectedRevision": "", "currentRevision": at(first, "file", "revision"), "currentText": &one,
		}}, ext)
		input["text"], input["expectedRevision"] = "two", at(first, "file", "revision")
		b.do(as(ada), t, query, map[string]any{"input": input})

		p := at(b.do(as(ada), t, `query($id: ID!) { project(id: $id) { headCursor
			file(path: "a.txt") { text } files(first: 1) { edges { node { path text } } pageInfo { hasNextPage } }
			commits { edges { node { message authorName committedAt parents } } } } }`, map[string]any{"id": id}), "project")
		require.Equal(t, "two", at(p, "file", "text"))
		require.Equal(t, "two", at(p, "files", "edges", 0, "node", "text"))
		require.Len(t, at(p, "commits", "edges"), 2)
		require.Equal(t, stream.CursorAt(id, 2), at(p, "headCursor"))
		_, ext = b.try(as(ada), t, `query($id: ID!) { project(id: $id) { file(path: "b") { text } } }`, map[string]any{"id": id})
		require.Equal(t, map[string]any{"code": "NOT_FOUND", "field": "path"}, ext)
	})
}

func TestASubscriptionEndsWithTheRightToIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b, ada, bob := setup(t, db), storetest.User(t, db, "ada@example.com"), storetest.User(t, db, "bob@example.com")
		id := b.create(t, ada, "Shared")
		_, err := db.Ent.Membership.Create().SetProjectID(id).SetUserID(bob.UserID).SetRole(enum.ProjectViewer).Save(as(ada))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(as(bob), time.Minute)
		defer cancel()
		next := b.start(ctx, t, `subscription($id: ID!) { projectEvents(projectId: $id, after: "start") { __typename seq at type cursor
			actor { ... on User { id email } } ... on ProjectUpdated { project { name headCursor } } } }`, map[string]any{"id": id})
		b.do(as(ada), t, `mutation($id: ID!) { updateProject(input: {projectId: $id, name: "New"}) { project { name } } }`, map[string]any{"id": id})
		resp := next()
		require.NotNil(t, resp)
		require.Empty(t, resp.Errors)
		var data map[string]any
		require.NoError(t, json.Unmarshal(resp.Data, &data))
		e := data["projectEvents"]
		require.Equal(t, "ProjectUpdated", at(e, "__typename"))
		require.Equal(t, "New", at(e, "project", "name"))
		require.Equal(t, at(e, "cursor"), at(e, "project", "headCursor"))
		require.Equal(t, ada.UserID, at(e, "actor", "id"))
		require.Nil(t, at(e, "actor", "email"), "an address is its owner's to see")

		_, err = db.Ent.Membership.Delete().Where(membership.UserID(bob.UserID)).Exec(as(ada))
		require.NoError(t, err)
		resp = next()
		require.NotNil(t, resp)
		require.Nil(t, resp.Data)
		require.Equal(t, "NOT_FOUND", resp.Errors[0].Extensions["code"])
		require.Nil(t, next())
	})
}
