package app_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// Somebody has spoken to the manager, which therefore doesn't wait for its plan any more when
// that is rejected: it finds out why all the same.
func TestAManagerThatDoesNotWaitFindsWhyItsPlanWasRejected(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, cfg config.Config) {
		awake, rejected := make(chan struct{}), make(chan struct{})
		woken := sync.OnceFunc(func() { close(awake) })
		model := llmtest.NewServer(t, llmtest.Func(func(q llmtest.Request) llmtest.Reply {
			last := q.LastText()
			switch {
			case strings.Contains(last, "What about it?"):
				woken()
				select {
				case <-rejected:
				case <-t.Context().Done():
				}
				return llmtest.Reply{llmtest.Say("It is a fine plan.")}
			case strings.Contains(last, "rejected"):
				return llmtest.Reply{llmtest.Say("I was told: " + last)}
			}
			return llmtest.Reply{llmtest.Call("create_plan", object{"summary": "Look", "tasks": []object{
				{"key": "look", "title": "Look at it", "description": "x", "role": "security-engineer", "criteria": []string{"it was looked at"}},
			}})}
		}))
		cfg.OpenAIKey, cfg.OpenAIBaseURL = "key", model.OpenAIURL()
		s := start(t, cfg)
		project := s.newProject(t, "Rejected")
		s.do(t, `mutation($p: ID!) { updateProject(input: {projectId: $p, planApproval: true}) { project { planApproval } } }`, object{"p": project})
		run := s.send(t, project, "Look at it")
		var plan, talk string
		require.Eventually(t, func() bool {
			r := s.do(t, `query($r: ID!) { node(id: $r) { ... on Run { state conversation { id } plan { id } } } }`, object{"r": run})["node"].(object)
			if r["state"] != "WAITING_FOR_AGENTS" {
				return false
			}
			plan, talk = r["plan"].(object)["id"].(string), r["conversation"].(object)["id"].(string)
			return true
		}, time.Minute, 20*time.Millisecond)
		s.do(t, `mutation($c: ID!) { sendMessage(input: {conversationId: $c, text: "What about it?", whileBusy: STEER}) { run { id } } }`, object{"c": talk})
		select {
		case <-awake:
		case <-time.After(time.Minute):
			require.Fail(t, "the manager was not woken")
		}
		s.do(t, `mutation($p: ID!) { rejectPlan(input: {planId: $p, reason: "not today"}) { plan { state } } }`, object{"p": plan})
		close(rejected)
		said := func() (texts []string) {
			c := s.do(t, `query($c: ID!) { node(id: $c) { ... on Conversation { messages(last: 20) { nodes { text status } } } } }`, object{"c": talk})["node"].(object)
			for _, m := range c["messages"].(object)["nodes"].([]any) {
				texts = append(texts, m.(object)["text"].(string))
			}
			return texts
		}
		const why = "The plan was rejected, and nothing of it was begun. The reason: not today"
		require.Eventually(t, func() bool {
			texts := said()
			return texts[len(texts)-1] == "I was told: "+why
		}, time.Minute, 20*time.Millisecond)
		require.Contains(t, said(), why)
	})
}
