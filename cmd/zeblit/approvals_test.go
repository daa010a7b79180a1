package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/sandbox/sandboxtest"
)

// asking is a model that asks people, then wants to fetch something, and then says what
// came of it.
func asking(t *testing.T) *llmtest.Server {
	return llmtest.NewServer(t, llmtest.Func(func(q llmtest.Request) llmtest.Reply {
		switch q.Turn() {
		case 0:
			return llmtest.Reply{llmtest.Call("ask_user", map[string]any{"question": "Which colour?", "choices": []string{"Red", "Blue"}})}
		case 1:
			return llmtest.Reply{llmtest.Call("run_command", map[string]any{"shell": "curl https://example.com/data"})}
		}
		return llmtest.Reply{llmtest.Say("It is: " + q.Results()[0].Text)}
	}))
}

func TestWhatAgentsAskIsAnsweredAtThePrompt(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", asking(t).OpenAIURL()
	s := serve(t, cfg)
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	said := p.run(t, "go\ngreen\nBlue\nmaybe\nn\n", "chat", "--agent", "engineer")
	require.Zero(t, said.code, said.err)
	for _, words := range []string{
		"? Which colour?", "choose one of: Red, Blue", "(answered: Blue)",
		"! engineer wants to use run_command (medium risk", "      curl https://example.com/data", `"ask network"`,
		"(denied)", "It is: Error: A person has denied this call",
	} {
		require.Contains(t, said.out, words)
	}
	require.Equal(t, 2, strings.Count(said.out, "Allow it?"), "maybe is no answer")
}

func TestWhatAgentsAskIsAnsweredFromElsewhere(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", asking(t).OpenAIURL()
	cfg.SandboxInside = sandboxtest.Program(t)
	s := serve(t, cfg)
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	ended := make(chan said, 1)
	go func() { ended <- p.run(t, "", "chat", "--agent", "engineer", "go") }()
	waiting := func(list string) (one map[string]any) {
		require.Eventually(t, func() bool {
			all := lines(t, p.do(t, list, "list", "--json"))
			if len(all) == 1 {
				one = all[0]
			}
			return len(all) == 1
		}, time.Minute, 100*time.Millisecond)
		return one
	}
	question := waiting("questions")
	id := question["id"].(string)
	require.Equal(t, "Which colour?", question["text"])
	require.Contains(t, p.do(t, "questions", "list"), "Which colour?")
	require.Equal(t, exitUsage, p.run(t, "", "questions", "answer", id, "green").code)
	require.Contains(t, p.do(t, "questions", "answer", id, "red"), "ANSWERED")

	approval := waiting("approvals")["id"].(string)
	require.Contains(t, p.do(t, "approvals", "list"), "run_command curl https://example.com/data")
	require.Equal(t, exitFailed, p.run(t, "", "approvals", "revoke", approval).code, "nobody has approved it")
	require.Contains(t, p.do(t, "approvals", "approve", approval, "--for", "run"), "APPROVED")
	require.Contains(t, p.do(t, "approvals", "revoke", approval), approval)
	require.Equal(t, exitFailed, p.run(t, "", "approvals", "deny", approval).code, "it is answered")

	last := <-ended
	require.Zero(t, last.code, last.err)
	require.Contains(t, last.out, "Answer with: zeblit questions answer "+id)
	require.Contains(t, last.out, "Answer with: zeblit approvals approve "+approval)
	require.Contains(t, last.out, "(allowed)")
	require.Empty(t, lines(t, p.do(t, "approvals", "list", "--json")))
}

func TestChatShowsTheCrewAtWork(t *testing.T) {
	t.Parallel()
	cfg := settings(t)
	cfg.SandboxInside = sandboxtest.Program(t)
	s := serve(t, cfg)
	p := newPerson(t, "ZEBLIT_DATA_DIR="+s.dir)
	out := p.do(t, "chat", "Build a to-do list with a backend")
	for _, told := range [][]string{ // by the person's run, and by the crew: each in its order
		{"(waits for other agents)", "8 of 8 tasks are completed", "is in the project: zeblit files ls --project prj_"},
		{
			"▸ product-manager  Say what is wanted\n", "product-manager → write_file docs/spec.md\n", "✓ product-manager  Say what is wanted\n",
			"▸ engineer  Build the backend\n", "engineer → run_command ", "✓ engineer  Build the backend\n",
		},
	} {
		from := 0
		for _, words := range told {
			at := strings.Index(out[from:], words)
			require.GreaterOrEqual(t, at, 0, "%s in %s", words, out[from:])
			from += at
		}
	}
	// What the crew did in the last moments may not have come when the run is over.
	require.LessOrEqual(t, strings.Count(out, "▸ "), 8, "each once")
	require.GreaterOrEqual(t, strings.Count(out, "▸ "), 6)
}
