package openai_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

func TestNoKeyIsNeeded(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Say("ok"))
	p := openai.New(openai.Options{BaseURL: srv.AnthropicURL() + "/", Model: "qwen3-coder", HTTPClient: srv.Client()})
	require.Equal(t, "openai", p.Name())
	require.Equal(t, "qwen3-coder", p.DefaultModel())
	req := llmtest.Ask("Hello")
	req.MaxOutputTokens, req.Model = 77, ""
	_, _, err := llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err, "a base URL without a path gets /v1")

	q := srv.Requests()[0]
	require.NotContains(t, q.Header, "Authorization")
	var body map[string]any
	require.NoError(t, json.Unmarshal(q.Body, &body))
	require.EqualValues(t, 77, body["max_tokens"])
	require.NotContains(t, body, "max_completion_tokens")
	require.NotContains(t, body, "reasoning_effort")
	require.Equal(t, map[string]any{"include_usage": true}, body["stream_options"])
}

// Servers that send each call whole, at index 0 and without an id.
func TestWholeCallsWithoutIDs(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Reply{
		llmtest.WholeCall("look", map[string]any{"path": "a"}), llmtest.WholeCall("look", map[string]any{"path": "b"}),
		llmtest.WholeCall("list", nil), llmtest.Stop(llm.StopEnd),
	}, llmtest.Say("ok"))
	p := newProvider(srv)
	req := llmtest.Ask("Go")
	res, _, err := llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	require.Equal(t, llm.StopToolCalls, res.StopReason, "though the server says stop")
	require.Len(t, res.ToolCalls, 3)
	require.JSONEq(t, `{"path":"b"}`, string(res.ToolCalls[1].Input))

	results := llm.Message{Role: llm.RoleUser}
	for _, c := range res.ToolCalls {
		results.ToolResults = append(results.ToolResults, llm.ToolResult{CallID: c.ID, Text: "x", IsError: true})
	}
	req.Messages = append(req.Messages, llm.Message{Role: llm.RoleAssistant, ToolCalls: res.ToolCalls}, results)
	_, _, err = llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err, "the invented ids make a valid transcript")
	require.Equal(t, "Error: x", srv.Requests()[1].Results()[0].Text)
}

func TestOddStreams(t *testing.T) {
	t.Parallel()
	chunk := func(choice string) string {
		return `data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[` + choice + "]}\n\n"
	}
	call := func(index, rest string) string {
		return chunk(`{"index":0,"delta":{"tool_calls":[{"index":` + index + rest + `}]}}`)
	}
	stop := chunk(`{"index":0,"delta":{},"finish_reason":"stop"}`)
	for name, c := range map[string]struct {
		sse   string
		text  string
		calls []string
		kind  llm.Kind
	}{
		"no [DONE]":                     {sse: chunk(`{"index":0,"delta":{"content":"hi"}}`) + stop, text: "hi"},
		"comments and empty events":     {sse: ": keep-alive\n\n" + chunk(`{"index":0,"delta":{"content":"hi"}}`) + "\n\n" + stop + "data: [DONE]\n\n", text: "hi"},
		"the end with the last word":    {sse: chunk(`{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}`), text: "hi"},
		"null content, empty reason":    {sse: chunk(`{"index":0,"delta":{"content":null},"finish_reason":""}`) + stop},
		"usage in each chunk":           {sse: `data: {"choices":[{"index":0,"delta":{"content":"hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}` + "\n\n" + stop, text: "hi"},
		"[DONE] without a reason":       {sse: chunk(`{"index":0,"delta":{"content":"hi"}}`) + "data: [DONE]\n\n", text: "hi", kind: llm.KindCut},
		"interleaved calls":             {sse: call("0", `,"id":"a","function":{"name":"f","arguments":"{\"p\""}`) + call("1", `,"id":"b","function":{"name":"g","arguments":"{}"}`) + call("0", `,"function":{"arguments":":1}"}`) + stop, calls: []string{`f{"p":1}`, `g{}`}},
		"the same index, other ids":     {sse: call("0", `,"id":"a","function":{"name":"f","arguments":"{}"}`) + call("0", `,"id":"b","function":{"name":"g","arguments":"{}"}`) + stop, calls: []string{`f{}`, `g{}`}},
		"the same id and name repeated": {sse: call("0", `,"id":"a","function":{"name":"f","arguments":"{\"p\":"}`) + call("0", `,"id":"a","function":{"name":"f","arguments":"1}"}`) + stop, calls: []string{`f{"p":1}`}},
		"no arguments at all":           {sse: call("0", `,"id":"a","function":{"name":"f"}`) + stop, calls: []string{`f{}`}},
		"an error as a string":          {sse: `data: {"error":"out of memory"}` + "\n\n", kind: llm.KindUnavailable},
		"a context too large, late":     {sse: `data: {"error":{"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}` + "\n\n", kind: llm.KindTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := llmtest.NewServer(t, llmtest.Body(200, "text/event-stream", c.sse))
			res, _, err := llmtest.Collect(t.Context(), newProvider(srv), llmtest.Ask("Hello"))
			if c.kind != "" {
				var e *llm.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, c.kind, e.Kind)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.text, res.Text)
			var calls []string
			for _, call := range res.ToolCalls {
				calls = append(calls, call.Name+string(call.Input))
			}
			require.Equal(t, c.calls, calls)
		})
	}
}
