package anthropic_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestEffort(t *testing.T) {
	t.Parallel()
	half := 0.5
	for _, c := range []struct {
		model       string
		effort      llm.Effort
		limit       int
		tools       bool
		thinking    string
		budget      int
		told        string
		limited     int
		temperature bool
	}{
		// Current models decide when to think, and are told an effort.
		{"claude-opus-5-5", llm.EffortHigh, 32000, true, "adaptive", 0, "high", 32000, false},
		{"claude-opus-5-5", llm.EffortMedium, 0, false, "adaptive", 0, "medium", 8192 + 8192, false},
		{"claude-opus-4-6", llm.EffortLow, 0, false, "adaptive", 0, "low", 8192 + 2048, false},
		{"claude-opus-4-6", llm.EffortMinimal, 0, false, "", 0, "low", 8192, true},
		{"claude-opus-5", llm.EffortDefault, 0, false, "", 0, "", 8192, false},
		{"one-of-a-proxy", llm.EffortLow, 4096, false, "adaptive", 0, "low", 4096, false},
		{"one-of-a-proxy", llm.EffortDefault, 4096, false, "", 0, "", 4096, true},
		// This one tells of its progress, unless it thinks.
		{"claude-sonnet-5-5", llm.EffortDefault, 0, true, "between_tools", 0, "", 8192, false},
		{"claude-sonnet-5-5", llm.EffortMinimal, 0, true, "between_tools", 0, "low", 8192, false},
		{"claude-sonnet-5-5", llm.EffortHigh, 0, true, "adaptive", 0, "high", 8192 + 16384, false},
		// Older ones are told how many tokens, of which half are left for the answer.
		{"claude-haiku-4-5", llm.EffortMedium, 0, true, "enabled", 8192, "", 8192 + 8192, false},
		{"claude-sonnet-4-5-20250929", llm.EffortHigh, 8000, true, "enabled", 4000, "", 8000, false},
		{"claude-sonnet-4-5-20250929", llm.EffortHigh, 2000, true, "", 0, "", 2000, true},
		{"claude-sonnet-4-5-20250929", llm.EffortMinimal, 0, true, "", 0, "", 8192, true},
		{"claude-3-5-haiku-20241022", llm.EffortHigh, 0, true, "", 0, "", 8192, true},
	} {
		srv := llmtest.NewServer(t, llmtest.Say("ok"))
		req := llmtest.Ask("Hello")
		req.Model, req.Effort, req.MaxOutputTokens, req.Temperature = c.model, c.effort, c.limit, &half
		if c.tools {
			req.Tools = []llm.Tool{llmtest.Tool("look")}
		}
		_, _, err := llmtest.Collect(t.Context(), newProvider(srv), req)
		require.NoError(t, err)
		got := srv.Requests()[0]
		var body struct {
			Thinking struct {
				Type   string
				Budget int `json:"budget_tokens"`
			}
		}
		require.NoError(t, json.Unmarshal(got.Body, &body))
		what := c.model + " " + string(c.effort)
		require.Equal(t, c.thinking, body.Thinking.Type, what)
		require.Equal(t, c.budget, body.Thinking.Budget, what)
		require.Equal(t, c.told, got.Effort, what)
		require.Equal(t, c.limited, got.MaxTokens, what)
		require.Equal(t, c.temperature, got.Temperature != nil, what)
	}
}

// A budgeted model may not begin to think between a call and its result.
func TestNoThoughtInTheMiddle(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Reply{llmtest.Call("look", nil)}, llmtest.Say("ok"),
		llmtest.Reply{llmtest.Think("hm", "sig"), llmtest.Call("look", nil)}, llmtest.Say("ok"))
	p := newProvider(srv)
	for i, want := range []bool{false, true} {
		req := llmtest.Ask("Go")
		req.Model, req.Effort = "claude-haiku-4-5", llm.EffortLow
		res, _, err := llmtest.Collect(t.Context(), p, req)
		require.NoError(t, err)
		req.Messages = append(req.Messages, llm.Message{Role: llm.RoleAssistant, ToolCalls: res.ToolCalls, Carry: res.Carry},
			llm.Message{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{CallID: res.ToolCalls[0].ID, Text: "seen"}}})
		_, _, err = llmtest.Collect(t.Context(), p, req)
		require.NoError(t, err)
		require.NotNil(t, sent(t, srv.Requests()[2*i]).Thinking)
		require.Equal(t, want, sent(t, srv.Requests()[2*i+1]).Thinking != nil)
	}
}
