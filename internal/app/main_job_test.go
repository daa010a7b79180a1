package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

const todo = "<!doctype html><title>To-do list</title><h1>My to-do list</h1>"

func TestMainJob(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		for _, model := range []string{"demo", "anthropic", "openai"} {
			t.Run(model, func(t *testing.T) {
				cfg := cfg
				cfg.DataDir = t.TempDir()
				if cfg.DatabaseURL != "" {
					cfg.DatabaseURL = freshPostgres(t)
				}
				switch model {
				case "anthropic":
					cfg.AnthropicKey, cfg.AnthropicBaseURL = "key", scripted(t).AnthropicURL()
				case "openai":
					cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", scripted(t).OpenAIURL()
				}
				mainJob(t, start(t, cfg), model == "demo")
			})
		}
	})
}

func scripted(t *testing.T) *llmtest.Server {
	t.Helper()
	return llmtest.NewServer(t,
		llmtest.Reply{llmtest.Say("I will write ", "the page. 🚀"), llmtest.Call("write_file", map[string]any{"path": "index.html", "text": todo})},
		llmtest.Reply{llmtest.Say("Done: ", "open index.html.")},
	)
}

func mainJob(t *testing.T, s *system, demo bool) {
	info := s.do(t, `{ serverInfo { version demoModel } viewer { id } }`, nil)
	require.Equal(t, demo, info["serverInfo"].(object)["demoModel"])
	require.NotEmpty(t, info["viewer"].(object)["id"])

	project := s.newProject(t, "To-dos")
	w := s.watch(t, s.key, project, "start")
	s.send(t, project, "Build a to-do list page")
	events := w.untilEnd(t)

	require.Equal(t, "SUCCEEDED", events[len(events)-1].State)
	types := map[string]int{}
	text, message := "", 0
	for i, e := range events {
		require.EqualValues(t, i+1, e.Seq, "the numbers have no gap")
		types[e.Type]++
		switch e.Type {
		case "MessageAdded":
			message++
			text = ""
		case "MessageDelta":
			require.Equal(t, utf16Len(text), e.Offset)
			text += e.Text
		}
	}
	require.Positive(t, types["MessageDelta"])
	require.Positive(t, types["ToolCallStarted"])
	require.Equal(t, types["ToolCallStarted"], types["ToolCallFinished"])
	require.Positive(t, types["FileChanged"])

	data := s.do(t, `query($p: ID!) { project(id: $p) { headCursor
		file(path: "index.html") { text revision }
		files(first: 10) { edges { node { path } } } commits(first: 10) { edges { node { message } } }
		messages(first: 50) { edges { node { role status text demo agent { slug } author { id } } } }
		runs(first: 5) { edges { node { state usage { outputTokens } toolCalls(first: 10) { edges { node { name state } } } } } } } }`, object{"p": project})
	p := data["project"].(object)
	require.Contains(t, strings.ToLower(p["file"].(object)["text"].(string)), "to-do")
	require.Equal(t, events[len(events)-1].Cursor, p["headCursor"])
	messages := nodes(p["messages"])
	require.GreaterOrEqual(t, len(messages), 3)
	require.Equal(t, "Build a to-do list page", messages[0]["text"])
	require.Equal(t, demo, messages[1]["demo"])

	// A replay gives the same bytes.
	replay := s.watch(t, s.key, project, "start").untilEnd(t)
	require.Equal(t, events, replay)
	// So does going on from any cursor.
	for i := 0; i < len(events)-1; i += 1 + len(events)/7 {
		require.Equal(t, events[i+1:], s.watch(t, s.key, project, events[i].Cursor).untilEnd(t))
	}
}

func TestAnotherAccountSeesNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s := start(t, cfg)
		project := s.newProject(t, "Secret")
		w := s.watch(t, s.key, project, "start")
		run := s.send(t, project, "Build a to-do list page")
		w.untilEnd(t)
		ids := s.do(t, `query($p: ID!) { project(id: $p) { id organisation { id } conversations(first: 1) { edges { node { id } } } messages(first: 1) { edges { node { id } } }
			runs(first: 1) { edges { node { id toolCalls(first: 1) { edges { node { id } } } } } } } }`, object{"p": project})["project"].(object)
		first := func(o object, edge string) object { return nodes(o[edge])[0] }
		conversation := first(ids, "conversations")["id"]
		all := []any{project, run, ids["organisation"].(object)["id"], conversation, first(ids, "messages")["id"],
			first(first(ids, "runs"), "toolCalls")["id"]}

		_, signed := s.post(t, "", `mutation { signUp(input: {email: "eve@example.com", password: "correct horse", name: "Eve"}) { accessToken } }`, nil)
		require.Empty(t, signed.Errors)
		eve := signed.Data["signUp"].(object)["accessToken"].(string)

		me := s.do(t, `{ viewer { id apiKeys(first: 1) { edges { node { id } } } } }`, nil)["viewer"].(object)
		all = append(all, me["id"], first(me, "apiKeys")["id"])
		doors := map[string]func(query string, variables object) answer{
			"http":   func(q string, v object) answer { _, a := s.post(t, eve, q, v); return a },
			"socket": func(q string, v object) answer { return s.socketPost(t, eve, q, v) },
		}
		for door, ask := range doors {
			a := ask(`query($ids: [ID!]!) { nodes(ids: $ids) { id } projects { edges { node { id } } } }`, object{"ids": all})
			require.Empty(t, a.Errors, door)
			require.Len(t, a.Data["nodes"], len(all))
			for _, n := range a.Data["nodes"].([]any) {
				require.Nil(t, n, door)
			}
			require.Empty(t, nodes(a.Data["projects"]), door)
			for _, q := range []string{
				`query($p: ID!) { project(id: $p) { id } }`,
				`mutation($p: ID!) { updateProject(input: {projectId: $p, name: "mine"}) { project { id } } }`,
				`mutation($p: ID!) { deleteProject(input: {projectId: $p}) { projectId } }`,
				`mutation($p: ID!) { sendMessage(input: {projectId: $p, text: "hello"}) { message { id } } }`,
				`mutation($p: ID!) { writeFile(input: {projectId: $p, path: "a", text: "b"}) { file { path } } }`,
			} {
				require.Equal(t, "NOT_FOUND", ask(q, object{"p": project}).code(), "%s: %s", door, q)
			}
			for _, q := range []string{
				`query($r: ID!) { run(id: $r) { id } }`,
				`mutation($r: ID!) { cancelRun(input: {runId: $r}) { run { id } } }`,
				`mutation($r: ID!) { pauseRun(input: {runId: $r}) { run { id } } }`,
				`mutation($r: ID!) { resumeRun(input: {runId: $r}) { run { id } } }`,
				`mutation($r: ID!) { retryRun(input: {runId: $r}) { run { id } } }`,
			} {
				require.Equal(t, "NOT_FOUND", ask(q, object{"r": run}).code(), "%s: %s", door, q)
			}
			require.Equal(t, "NOT_FOUND", ask(`mutation($c: ID!) { sendMessage(input: {conversationId: $c, text: "hello"}) { message { id } } }`,
				object{"c": conversation}).code(), door)
			require.Equal(t, "NOT_FOUND", ask(`mutation($k: ID!) { revokeApiKey(input: {apiKeyId: $k}) { apiKey { id } } }`,
				object{"k": first(me, "apiKeys")["id"]}).code(), door)
		}
		require.Equal(t, "NOT_FOUND", s.socketPost(t, eve, `subscription($r: ID!) { runEvents(runId: $r, after: "start") { seq } }`, object{"r": run}).code())

		for _, key := range []string{eve, ""} {
			w := s.watch(t, key, project, "start")
			_, ok := w.next(t)
			require.False(t, ok)
			require.Contains(t, w.fail, map[string]string{eve: "NOT_FOUND", "": "UNAUTHENTICATED"}[key])
		}
		w = s.watch(t, "zbl_forged", project, "start")
		_, ok := w.next(t)
		require.False(t, ok)
		require.Contains(t, w.fail, "4403")
	})
}

func TestARestartKeepsEverything(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s := start(t, cfg)
		project := s.newProject(t, "Kept")
		w := s.watch(t, s.key, project, "start")
		s.send(t, project, "Build a to-do list page in the folder shop")
		before := w.untilEnd(t)
		s.stop()

		s = start(t, cfg)
		require.Equal(t, before, s.watch(t, s.key, project, "start").untilEnd(t))
		data := s.do(t, `query($p: ID!) { project(id: $p) { name file(path: "shop/index.html") { text } } }`, object{"p": project})
		require.Contains(t, data["project"].(object)["file"].(object)["text"], "<")
	})
}

func TestAStopHandsTheRunOver(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t,
			llmtest.Reply{llmtest.Say("I begin"), llmtest.Hang()},
			llmtest.Reply{llmtest.Say("Again. "), llmtest.Call("write_file", map[string]any{"path": "index.html", "text": todo})},
			llmtest.Reply{llmtest.Say("Done.")})
		cfg.AnthropicKey, cfg.AnthropicBaseURL = "key", model.AnthropicURL()
		s := start(t, cfg)
		project := s.newProject(t, "Cut")
		w := s.watch(t, s.key, project, "start")
		s.send(t, project, "Build a to-do list page")
		for {
			e, ok := w.next(t)
			require.True(t, ok, w.fail)
			if e.Type == "MessageDelta" {
				break
			}
		}
		s.stop()

		s = start(t, cfg)
		events := s.watch(t, s.key, project, "start").untilEnd(t)
		require.Equal(t, "SUCCEEDED", events[len(events)-1].State)
		var interrupted int
		for i, e := range events {
			require.EqualValues(t, i+1, e.Seq)
			if e.Type == "MessageCompleted" && strings.Contains(e.raw, `"INTERRUPTED"`) {
				require.Contains(t, e.raw, `"I begin"`)
				interrupted++
			}
		}
		require.Equal(t, 1, interrupted)
	})
}

func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}
