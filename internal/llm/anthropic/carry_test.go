package anthropic_test

import (
	"encoding/json"
	"testing"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/anthropic"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

// body is what the tests look at of a request.
type body struct {
	MaxTokens int `json:"max_tokens"`
	Thinking  *struct{ Type string }
	System    []block
	Messages  []struct{ Content []block }
}

type block struct {
	Type, Text, Thinking, Signature, Name, Data string
	CacheControl                                *struct{ Type string } `json:"cache_control"`
}

func sent(t *testing.T, q llmtest.Request) body {
	t.Helper()
	var b body
	require.NoError(t, json.Unmarshal(q.Body, &b))
	return b
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Say("ok"))
	p := anthropic.New(anthropic.Options{APIKey: "k", BaseURL: srv.AnthropicURL() + "/v1/", HTTPClient: srv.Client()})
	require.Equal(t, "anthropic", p.Name())
	require.Contains(t, p.DefaultModel(), "claude-sonnet")
	_, _, err := llmtest.Collect(t.Context(), p, llmtest.Ask("Hello"))
	require.NoError(t, err, "a base URL may end in /v1")
	require.Equal(t, anthropic.DefaultMaxTokens, sent(t, srv.Requests()[0]).MaxTokens)
	require.Equal(t, "k", srv.Requests()[0].Header.Get("X-Api-Key"))
	require.Empty(t, srv.Requests()[0].Header.Get("Authorization"))
}

func TestCacheBreakpoints(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Say("ok"))
	req := llmtest.Ask("one")
	req.System = "You are brief."
	req.Messages = append(req.Messages,
		llm.Message{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: "a", Name: "x"}}},
		llm.Message{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{CallID: "a"}}})
	_, _, err := llmtest.Collect(t.Context(), newProvider(srv), req)
	require.NoError(t, err)

	b := sent(t, srv.Requests()[0])
	require.NotNil(t, b.System[0].CacheControl)
	require.Equal(t, "ephemeral", b.System[0].CacheControl.Type)
	var marked []int
	for i, m := range b.Messages {
		for _, c := range m.Content {
			if c.CacheControl != nil {
				marked = append(marked, i)
			}
		}
	}
	require.Equal(t, []int{2}, marked, "only the last message")
}

// What a model thought goes back to it unchanged and in its place, but to no other.
func TestThinkingIsCarried(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Reply{
		llmtest.Think("hm", "sig-1"), llmtest.Say("I'll ", "look."), llmtest.Think("", "sig-2"), llmtest.Call("look", nil),
	}, llmtest.Say("a"), llmtest.Say("b"), llmtest.Say("c"))
	p := newProvider(srv)
	req := llmtest.Ask("Go")
	res, got, err := llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	require.Equal(t, []string{"I'll ", "look."}, got, "thinking is not said")
	require.NotEmpty(t, res.Carry)

	answer := llm.Message{Role: llm.RoleAssistant, Text: res.Text, ToolCalls: res.ToolCalls, Carry: res.Carry}
	req.Messages = append(req.Messages, answer,
		llm.Message{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{CallID: res.ToolCalls[0].ID, Text: "seen"}}})
	kinds := func() []string {
		_, _, err := llmtest.Collect(t.Context(), p, req)
		require.NoError(t, err)
		q := srv.Requests()
		var kinds []string
		for _, c := range sent(t, q[len(q)-1]).Messages[1].Content {
			kinds = append(kinds, c.Type+c.Signature)
		}
		return kinds
	}
	require.Equal(t, []string{"thinkingsig-1", "text", "thinkingsig-2", "tool_use"}, kinds())
	req.Model = "other-model"
	require.Equal(t, []string{"text", "tool_use"}, kinds(), "another model")
	req.Model = "test-model"
	req.Messages[1].Text = "I'll"
	require.Equal(t, []string{"text", "tool_use"}, kinds(), "the text isn't what it was")
}

// The default model writes its remarks between tool calls into thinking blocks:
// users see them, and the model gets its own blocks back.
func TestProgressIsShown(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Reply{
		llmtest.Say("I'll look."), llmtest.Think("Looking at a.", "sig-1"), llmtest.Call("look", nil), llmtest.Think("And b.", "sig-2"), llmtest.Say("Now."),
	}, llmtest.Say("a"), llmtest.Say("b"))
	p := newProvider(srv)
	req := llmtest.Ask("Go")
	req.Model = sdk.ModelClaudeSonnet5_5
	req.Tools = []llm.Tool{llmtest.Tool("look")}
	res, _, err := llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	require.Equal(t, "I'll look.\n\nLooking at a.\n\nAnd b.\n\nNow.", res.Text)
	require.Equal(t, "between_tools", sent(t, srv.Requests()[0]).Thinking.Type)

	req.Messages = append(req.Messages, llm.Message{Role: llm.RoleAssistant, Text: res.Text, ToolCalls: res.ToolCalls, Carry: res.Carry},
		llm.Message{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{CallID: res.ToolCalls[0].ID, Text: "seen"}}})
	_, _, err = llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	var got []string
	for _, c := range sent(t, srv.Requests()[1]).Messages[1].Content {
		got = append(got, c.Type+":"+c.Text+c.Thinking)
	}
	require.Equal(t, []string{"text:I'll look.", "thinking:Looking at a.", "tool_use:", "thinking:And b.", "text:\n\nNow."}, got)

	req.Tools = nil
	req.Messages = req.Messages[:1]
	_, _, err = llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	require.Nil(t, sent(t, srv.Requests()[2]).Thinking, "without tools the vendor's default")
}
