package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// The keys that nobody may see begin with the same, so that a part of one is found too.
// Nothing in them looks like a key: only who knows one can take it out.
const (
	canary            = "zqcanary."
	instanceCanary    = canary + "instance.0123456789"
	organisationKey   = canary + "organisation.0123456789"
	projectKey        = canary + "project.0123456789"
	checkedCanary     = canary + "checked.0123456789"
	overriddenKey     = canary + "overridden.0123456789"
	badCanary         = canary + "with spaces 0123456789"
	partOfEveryAnswer = "the vendor has its say"
)

// everything is what came out of a system, to search in.
type everything struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (e *everything) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.all.Write(p)
}

func (e *everything) take() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return bytes.Clone(e.all.Bytes())
}

// hasNoKey searches for keys as they are, and as databases and JSON write bytes.
func hasNoKey(t *testing.T, where string, text []byte) {
	t.Helper()
	lower := bytes.ToLower(text)
	for _, form := range []string{canary, hex.EncodeToString([]byte(canary))} {
		require.Zero(t, bytes.Count(lower, []byte(form)), "%s has a key in it", where)
	}
	require.Zero(t, bytes.Count(text, []byte(base64.StdEncoding.EncodeToString([]byte(canary)))), "%s has a key in it", where)
}

// gossip is a vendor that repeats the key that it was called with wherever it can: before
// the answer, in its stream, and in the list of its models.
func gossip(t *testing.T) *llmtest.Server {
	model := llmtest.NewServer(t, llmtest.Func(func(q llmtest.Request) llmtest.Reply {
		message := fmt.Sprintf("%s: no %q, %s", partOfEveryAnswer, q.Key, q.Key)
		switch {
		case strings.Contains(q.LastText(), "well"):
			return llmtest.Reply{llmtest.Say("All ", "is well.")}
		case q.Vendor == llmtest.Anthropic:
			return llmtest.Reply{llmtest.Refuse(http.StatusUnauthorized, "authentication_error", message)}
		case q.Key == organisationKey:
			event, _ := json.Marshal(object{"error": object{"type": "invalid_api_key", "code": "invalid_api_key", "message": message}})
			return llmtest.Reply{llmtest.Say("It begins "), llmtest.Raw("data: " + string(event) + "\n\n")}
		}
		return llmtest.Reply{llmtest.Refuse(http.StatusBadRequest, "invalid_request_error", message)}
	}))
	model.Models(func(key string) (int, string, string) {
		return http.StatusUnauthorized, "application/json", fmt.Sprintf(`{"error":{"type":"authentication_error","message":"%s: no %s"}}`, partOfEveryAnswer, key)
	})
	return model
}

// Keys of the installation, an organisation and a project are used, and appear nowhere:
// not in answers, events, logs and recordings, and not in a dump of the whole database.
func TestKeysAppearNowhere(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := gossip(t)
		if !cfg.Embedded() {
			cfg.Secret = "a secret of some length" // SQLite's is in a file
		}
		cfg.AnthropicKey, cfg.AnthropicBaseURL = overriddenKey, model.AnthropicURL()
		cfg.OpenAIBaseURL, cfg.OpenAIModel = model.OpenAIURL(), "gpt"
		cfg.ModelServers = []configured.ServerOptions{{Name: "own", URL: model.OpenAIURL(), Key: instanceCanary, Models: []string{"m"}}}
		cfg.RecordDir = filepath.Join(t.TempDir(), "recordings")
		var logged, answers, events everything
		s := startLogged(t, cfg, slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
		ask := func(query string, variables object) answer {
			raw := s.raw(t, query, variables)
			_, _ = answers.Write(raw)
			var a answer
			require.NoError(t, json.Unmarshal(raw, &a), "%s", raw)
			return a
		}

		project := s.newProject(t, "Keys")
		organisation := ask(`query($p: ID!) { project(id: $p) { organisation { id } } }`, object{"p": project}).
			Data["project"].(object)["organisation"].(object)["id"].(string)
		set := func(input object) answer {
			return ask(`mutation($i: SetProviderKeyInput!) { setProviderKey(input: $i) { providerKey { id provider hint } } }`, object{"i": input})
		}
		require.Empty(t, set(object{"projectId": project, "provider": "anthropic", "key": projectKey}).Errors)
		require.Empty(t, set(object{"organisationId": organisation, "provider": "openai", "key": organisationKey}).Errors)
		require.Equal(t, "BAD_USER_INPUT", set(object{"projectId": project, "provider": "anthropic", "key": badCanary}).code())
		require.Equal(t, "BAD_USER_INPUT", set(object{"projectId": project, "provider": "anthropc", "key": checkedCanary}).code())
		require.Equal(t, "NOT_FOUND", set(object{"projectId": "prj_none", "provider": "anthropic", "key": checkedCanary}).code())
		for _, input := range []object{
			{"provider": "anthropic", "key": checkedCanary}, {"provider": "own"}, {"provider": "anthropic", "projectId": project},
			{"provider": "openai", "organisationId": organisation}, {"provider": "own", "projectId": project, "key": checkedCanary},
		} {
			a := ask(`mutation($i: CheckProviderInput!) { checkProvider(input: $i) { ok message latencyMs } }`, object{"i": input})
			require.Empty(t, a.Errors)
			require.Equal(t, false, a.Data["checkProvider"].(object)["ok"])
			require.Contains(t, a.Data["checkProvider"].(object)["message"], partOfEveryAnswer)
		}

		// What is no string at all is refused before anybody reads it.
		require.NotEmpty(t, set(object{"projectId": project, "provider": "anthropic", "key": []string{checkedCanary}}).Errors)
		require.NotEmpty(t, set(object{"projectId": project, "provider": "anthropic", "key": object{checkedCanary: 1}}).Errors)
		require.NotEmpty(t, ask(`mutation { setProviderKey(input: {projectId: "prj_none", provider: "anthropic", key: ["`+checkedCanary+`"]}) { providerKey { id } } }`, nil).Errors)

		w := s.watch(t, s.key, project, "start")
		run := s.send(t, project, "Fail as badly as you can")
		for _, e := range w.untilEnd(t) {
			_, _ = fmt.Fprintln(&events, e.raw)
		}
		failed := ask(`query($r: ID!) { run(id: $r) { state error usageRecords { nodes { provider outcome reason } } toolCalls { nodes { output } } } }`, object{"r": run})
		require.Equal(t, "FAILED", failed.Data["run"].(object)["state"])
		require.Contains(t, failed.Data["run"].(object)["error"], partOfEveryAnswer)
		s.send(t, project, "Say that all is well")
		last := w.untilEnd(t)
		for _, e := range last {
			_, _ = fmt.Fprintln(&events, e.raw)
		}
		require.Equal(t, "SUCCEEDED", last[len(last)-1].State)
		ask(`query { models(configured: true) { nodes { id health { lastFailure } } } viewer { id } }`, nil)
		listed := ask(`query($p: ID!) { project(id: $p) { providerKeys { nodes { id provider hint createdBy { id } } } organisation { providerKeys { nodes { hint } } } } }`, object{"p": project})
		require.Empty(t, listed.Errors)

		used := map[string]bool{}
		for _, q := range model.Requests() {
			used[q.Key] = true
		}
		require.Equal(t, map[string]bool{projectKey: true, organisationKey: true, instanceCanary: true}, used, "the nearest of each are used")

		hasNoKey(t, "the database", dump(t, cfg))
		s.stop()
		hasNoKey(t, "the database after the end", dump(t, cfg))
		hasNoKey(t, "the log", logged.take())
		hasNoKey(t, "an answer", answers.take())
		hasNoKey(t, "an event", events.take())
		recordings := files(t, cfg.RecordDir)
		hasNoKey(t, "a recording", recordings)
		for where, text := range map[string][]byte{"log": logged.take(), "answers": answers.take(), "recordings": recordings} {
			require.Contains(t, string(text), partOfEveryAnswer, "%s", where)
		}
		hasNoKey(t, "the data folder", files(t, cfg.DataDir))
	})
}

// raw posts with the owner's key and returns the body as it came.
func (s *system) raw(t *testing.T, query string, variables object) []byte {
	t.Helper()
	body, err := json.Marshal(object{"query": query, "variables": variables})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+s.key)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return data
}

// dump is the whole database: the bytes of SQLite's files, or each row of each table of
// PostgreSQL as text, in which bytes are hexadecimal.
func dump(t *testing.T, cfg config.Config) []byte {
	t.Helper()
	if cfg.Embedded() {
		return files(t, cfg.DataDir)
	}
	db, err := sql.Open("postgres", cfg.DatabaseURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	query := func(q string) (all []string) {
		rows, err := db.QueryContext(context.Background(), q)
		require.NoError(t, err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var one string
			require.NoError(t, rows.Scan(&one))
			all = append(all, one)
		}
		require.NoError(t, rows.Err())
		return all
	}
	var out bytes.Buffer
	tables := query(`SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	require.Contains(t, tables, "public.provider_keys")
	for _, table := range tables {
		rows := query("SELECT r::text FROM " + table + " r")
		if strings.HasSuffix(table, "provider_keys") {
			require.Len(t, rows, 2)
		}
		for _, row := range rows {
			out.WriteString(row + "\n")
		}
	}
	return out.Bytes()
}

// files is the content of all files of a folder.
func files(t *testing.T, folder string) []byte {
	t.Helper()
	var out bytes.Buffer
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out.Write(data)
		return err
	})
	require.NoError(t, err)
	require.NotZero(t, out.Len())
	return out.Bytes()
}

// What a model says is people's own business, but a recording is handed on.
func TestARecordingHasNoKeyOfAProject(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t, llmtest.Say("My key is ", projectKey, "."))
		cfg.Secret, cfg.AnthropicBaseURL = "a secret of some length", model.AnthropicURL()
		cfg.RecordDir = filepath.Join(t.TempDir(), "recordings")
		s := start(t, cfg)
		project := s.newProject(t, "Recorded")
		s.do(t, `mutation($p: ID!, $k: String!) { setProviderKey(input: {projectId: $p, provider: "anthropic", key: $k}) { providerKey { id } } }`,
			object{"p": project, "k": projectKey})
		w := s.watch(t, s.key, project, "start")
		s.send(t, project, "My key is "+projectKey)
		events := w.untilEnd(t)
		require.Equal(t, "SUCCEEDED", events[len(events)-1].State, "the demo model gives way")
		s.stop()
		recording := files(t, cfg.RecordDir)
		require.Contains(t, string(recording), "My key is ")
		require.NotContains(t, string(recording), projectKey)
	})
}

func TestAProjectsKeyOpensItsModels(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t, llmtest.Say("Hello."))
		cfg.Secret, cfg.AnthropicBaseURL = "a secret of some length", model.AnthropicURL()
		s := start(t, cfg)
		with, without := s.newProject(t, "With a key"), s.newProject(t, "Without")
		s.do(t, `mutation($p: ID!, $k: String!) { setProviderKey(input: {projectId: $p, provider: "anthropic", key: $k}) { providerKey { id } } }`,
			object{"p": with, "k": projectKey})
		wish := func(project, model string) answer {
			_, a := s.post(t, s.key, `mutation($p: ID!, $m: String!) { sendMessage(input: {projectId: $p, text: "Hi", model: $m}) { message { id } } }`,
				object{"p": project, "m": model})
			return a
		}
		for project, unknown := range map[string]string{with: "demo/demo", without: "anthropic/claude-opus-5-5"} {
			a := wish(project, unknown)
			require.Equal(t, "BAD_USER_INPUT", a.code())
			require.Equal(t, "model", a.Errors[0].Extensions.Field)
		}
		require.Equal(t, "NOT_FOUND", wish("prj_none", "demo/demo").code())
		w := s.watch(t, s.key, with, "start")
		require.Empty(t, wish(with, "anthropic/claude-opus-5-5").Errors)
		events := w.untilEnd(t)
		require.Equal(t, "SUCCEEDED", events[len(events)-1].State)
		require.Equal(t, []string{projectKey, "claude-opus-5-5"}, []string{model.Requests()[0].Key, model.Requests()[0].Model})
	})
}
