package app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

const forked = `query($p: ID!, $r: ID!) { node(id: $r) { ... on Run { state error verification branch plan { tasks {
	title state attempts run { branch } conversation { branch kind } criteria { state problem evidence { check { state exitCode } } } } } } }
	project(id: $p) { chats: conversations(kinds: [CHAT]) { nodes { id } } tasks: conversations(kinds: [TASK, QUESTION]) { nodes { id } }
		merges(first: 50) { nodes { state source target } } } }`

// What is planned in a fork is built on its branch: tasks begin there, are merged into it
// and looked at with it, and main stays as it is.
func TestAPlanMadeInAForkStaysThere(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		s, project, told := forkable(t, cfg)
		s.endsIn(t, s.send(t, project, "Hello"), "SUCCEEDED")
		said := nodes(s.do(t, `query($p: ID!) { project(id: $p) { messages(first: 9) { edges { node { id } } } } }`, object{"p": project})["project"].(object)["messages"])
		fork := s.do(t, forkQuery, object{"i": object{"messageId": said[1]["id"]}})["forkConversation"].(object)["conversation"].(object)
		id, branch := fork["id"].(string), fork["branch"].(string)
		// With main's file neither of the tasks would be shown.
		s.do(t, `mutation($p: ID!) { writeFile(input: {projectId: $p, path: "hello", text: "this is of main\n"}) { file { path } } }`, object{"p": project})
		main := s.heads(t, project)["main"]

		sent := s.do(t, `mutation($i: SendMessageInput!) { sendMessage(input: $i) { run { id } } }`, object{"i": object{"conversationId": id, "agent": "manager", "text": "Greet me"}})
		run := sent["sendMessage"].(object)["run"].(object)["id"].(string)
		var data object
		require.Eventually(t, func() bool {
			data = s.do(t, forked, object{"p": project, "r": run})
			return slices.Contains([]any{"SUCCEEDED", "FAILED", "CANCELLED"}, data["node"].(object)["state"])
		}, crewTime, crewLook)
		r := data["node"].(object)
		require.Equal(t, "SUCCEEDED", r["state"], r)
		require.Equal(t, "VERIFIED", r["verification"], r)
		require.Equal(t, branch, r["branch"])
		tasks := r["plan"].(object)["tasks"].([]any)
		require.Len(t, tasks, 4)
		branches := map[string]bool{}
		for _, one := range tasks {
			one := one.(object)
			require.Equal(t, "COMPLETED", one["state"], one)
			require.Equal(t, branch, one["conversation"].(object)["branch"], "who writes to its agent later means the fork, too")
			require.Equal(t, "TASK", one["conversation"].(object)["kind"])
			at := one["run"].(object)["branch"].(string)
			require.Contains(t, at, "run/")
			branches[at] = true
		}
		check := tasks[1].(object)["criteria"].([]any)[0].(object)["evidence"].(object)["check"].(object)
		require.Equal(t, object{"state": "EXITED", "exitCode": 0.0}, check, "it was looked at once more")
		require.Contains(t, <-told, "on "+branch+", what showed it ends otherwise now")

		listed := data["project"].(object)
		require.Len(t, listed["chats"].(object)["nodes"], 2, "the first one and its fork")
		require.Len(t, listed["tasks"].(object)["nodes"], 4)
		merges := data["project"].(object)["merges"].(object)["nodes"].([]any)
		for _, m := range merges {
			m := m.(object)
			require.Equal(t, "MERGED", m["state"])
			require.Equal(t, branch, m["target"])
			delete(branches, m["source"].(string))
		}
		require.Empty(t, branches, "merged")
		heads := s.heads(t, project)
		require.Equal(t, main, heads["main"])
		require.Equal(t, "this is of main\n", s.file(t, project, "hello"))
		require.Contains(t, heads, branch)
		for name := range heads {
			require.NotContains(t, name, "check/", "what was made to look is gone")
		}
		shown := s.do(t, `query($p: ID!, $r: String!) { project(id: $p) { file(path: "hello", ref: $r) { text } } }`, object{"p": project, "r": branch})
		require.Equal(t, "dear\n", shown["project"].(object)["file"].(object)["text"])
	})
}

// forkable is a system of which the manager first only greets, and then has the crew
// quarrel. told gets what it is told of what doesn't hold any more.
func forkable(t *testing.T, cfg config.Config) (s *system, project string, told chan string) {
	t.Helper()
	told = make(chan string, 1)
	crew := quarrel(func(_ llmtest.Request, report string) llmtest.Reply {
		if !strings.Contains(report, "not shown any more") {
			return nil
		}
		select {
		case told <- report:
		default:
		}
		return llmtest.Reply{llmtest.Call("update_task", object{"task": 1, "action": "RETRY", "note": "Be both."})}
	})
	model := llmtest.NewServer(t, llmtest.Func(func(q llmtest.Request) llmtest.Reply {
		if q.LastText() == "Hello" {
			return llmtest.Reply{llmtest.Say("Hello.")}
		}
		if at := slices.IndexFunc(q.Messages, func(m llm.Message) bool { return m.Text == "Greet me" }); at > 0 {
			q.Messages = q.Messages[at:]
		}
		return crew(q)
	}))
	cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
	cfg.SandboxInside = sandboxtest.Program(t)
	s = start(t, cfg)
	return s, s.newProject(t, "Forked"), told
}

// heads are the commits that a project's branches are at.
func (s *system) heads(t *testing.T, project string) map[string]any {
	t.Helper()
	heads := map[string]any{}
	for _, b := range s.do(t, `query($p: ID!) { project(id: $p) { branches(first: 50) { nodes { name tip { hash } } } } }`,
		object{"p": project})["project"].(object)["branches"].(object)["nodes"].([]any) {
		heads[b.(object)["name"].(string)] = b.(object)["tip"]
	}
	return heads
}
