package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

const (
	wrongSum = "#!/bin/sh\necho $(($1 * $2))\n"
	rightSum = "#!/bin/sh\necho $(($1 + $2))\n"
	sumTest  = "echo testing\nsleep ${1:-0}\ngot=$(sh sum.sh 2 3)\ntest \"$got\" = 5 || { echo \"sum.sh 2 3: want 5, got $got\" >&2; exit 1; }\necho fine > report.log\necho passed\n"
)

// An agent writes code and its test, runs it in the sandbox, reads what failed, mends it
// and runs it again; the server is killed while the test runs.
func TestAnAgentMendsWhatItsTestsSay(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		runs := func(say, line string) llmtest.Reply {
			return llmtest.Reply{llmtest.Say(say), llmtest.Call("run_command", map[string]any{"shell": line})}
		}
		model := llmtest.NewServer(t,
			llmtest.Reply{
				llmtest.Call("write_file", map[string]any{"path": "sum.sh", "text": wrongSum}),
				llmtest.Call("write_file", map[string]any{"path": "test.sh", "text": sumTest}),
				llmtest.Call("write_file", map[string]any{"path": ".gitignore", "text": "*.log\n"}),
			},
			runs("I test it. ", "sh test.sh 60"), // the server is killed meanwhile
			runs("Once more. ", "sh test.sh"),
			llmtest.Reply{llmtest.Call("edit_file", map[string]any{"path": "sum.sh", "old_text": "*", "new_text": "+"})},
			runs("And again. ", "sh test.sh"),
			llmtest.Reply{llmtest.Say("The test passes.")},
		)
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		cfg.SandboxInside = sandboxtest.Program(t)
		s, kill := process(t, cfg)
		project := s.newProject(t, "Sums")
		w := s.watch(t, s.key, project, "start")
		s.sendTo(t, project, "engineer", "Add numbers")
		var seen []received
		for {
			e, ok := w.next(t)
			require.True(t, ok, w.fail)
			seen = append(seen, e)
			if e.Type == "ToolCallOutput" {
				break
			}
		}
		kill()

		s, _ = process(t, cfg)
		rest := s.watch(t, s.key, project, seen[len(seen)-1].Cursor).untilEnd(t)
		require.Equal(t, "SUCCEEDED", rest[len(rest)-1].State)
		require.Equal(t, append(seen, rest...), s.watch(t, s.key, project, "start").untilEnd(t))

		asked := model.Requests()
		require.Len(t, asked, 6)
		for i, words := range map[int]string{
			2: "it is not known how far it came",
			3: "sum.sh 2 3: want 5, got 6",
			5: "passed",
		} {
			require.Contains(t, string(asked[i].Body), words)
		}
		require.Contains(t, string(asked[3].Body), "Exit status 1.")
		require.Contains(t, string(asked[5].Body), "Exit status 0.")
		require.Equal(t, rightSum, s.file(t, project, "sum.sh"))

		// Going back to what was there before the mistake was mended, and undoing that.
		data := s.do(t, `query($p: ID!) { project(id: $p) {
			sandbox { state driver } files(first: 10) { nodes { path } }
			commits(first: 10) { nodes { message } }
			checkpoints(last: 20) { edges { node { id reason } } } } }`, object{"p": project})["project"].(object)
		require.Equal(t, "RUNNING", data["sandbox"].(object)["state"])
		require.Len(t, data["files"].(object)["nodes"], 3, "what is ignored is no file of the project")
		for _, c := range data["commits"].(object)["nodes"].([]any) {
			require.Contains(t, c.(object)["message"], "Run: run_")
		}
		before := ""
		for _, c := range nodes(data["checkpoints"]) {
			if c["reason"] == "before edit_file" {
				before = c["id"].(string)
			}
		}
		require.NotEmpty(t, before, data["checkpoints"])
		undo := s.restore(t, before)
		require.Equal(t, wrongSum, s.file(t, project, "sum.sh"))
		s.restore(t, undo)
		require.Equal(t, rightSum, s.file(t, project, "sum.sh"))
	})
}

func (s *system) file(t *testing.T, project, path string) string {
	t.Helper()
	data := s.do(t, `query($p: ID!, $path: String!) { project(id: $p) { file(path: $path) { text } } }`, object{"p": project, "path": path})
	return data["project"].(object)["file"].(object)["text"].(string)
}

// restore goes back to a checkpoint and returns the one that undoes it.
func (s *system) restore(t *testing.T, checkpoint string) (undo string) {
	t.Helper()
	data := s.do(t, `mutation($c: ID!) { restoreCheckpoint(input: {checkpointId: $c}) { applied undo { id } } }`, object{"c": checkpoint})
	out := data["restoreCheckpoint"].(object)
	require.Equal(t, true, out["applied"])
	return out["undo"].(object)["id"].(string)
}

// A run on a branch of its own is merged into main when it has succeeded.
func TestARunOnItsOwnBranchIsMerged(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		model := llmtest.NewServer(t,
			llmtest.Reply{llmtest.Call("write_file", map[string]any{"path": "a.txt", "text": "from the branch"})},
			llmtest.Reply{llmtest.Call("run_command", map[string]any{"shell": "cat a.txt; echo too > b.txt"})},
			llmtest.Reply{llmtest.Say("Done.")},
		)
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		cfg.SandboxInside = sandboxtest.Program(t)
		s, _ := process(t, cfg)
		project := s.newProject(t, "Branches")
		s.do(t, `mutation($p: ID!) { sendMessage(input: {projectId: $p, text: "Go", agent: "engineer", ownBranch: true}) { run { branch } } }`, object{"p": project})
		require.Eventually(t, func() bool {
			data := s.do(t, `query($p: ID!) { project(id: $p) { merges(first: 1) { nodes { state } } } }`, object{"p": project})
			all := data["project"].(object)["merges"].(object)["nodes"].([]any)
			return len(all) == 1 && all[0].(object)["state"] == "MERGED"
		}, 5*time.Minute, 100*time.Millisecond)
		require.Equal(t, "from the branch", s.file(t, project, "a.txt"))
		require.Equal(t, "too\n", s.file(t, project, "b.txt"))
		require.Contains(t, string(model.Requests()[2].Body), "from the branch")
	})
}
