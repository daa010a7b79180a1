package openai_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
	"github.com/zeblit/zeblit/internal/llm/openai"
)

// goOn adds an answer and the results of its calls to a transcript.
func goOn(req *llm.Request, res llm.Response) {
	results := llm.Message{Role: llm.RoleUser}
	for _, c := range res.ToolCalls {
		results.ToolResults = append(results.ToolResults, llm.ToolResult{CallID: c.ID, Text: "seen"})
	}
	req.Messages = append(req.Messages,
		llm.Message{Role: llm.RoleAssistant, Text: res.Text, ToolCalls: res.ToolCalls, Carry: res.Carry}, results)
}

// last is the body of the newest request, as JSON.
func last(t *testing.T, srv *llmtest.Server) map[string]any {
	t.Helper()
	q := srv.Requests()
	var body map[string]any
	require.NoError(t, json.Unmarshal(q[len(q)-1].Body, &body))
	return body
}

// What a model of OpenAI's thought goes back to it in its place, but to no other.
func TestReasoningIsCarried(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Reply{
		llmtest.Think("hm", "secret-1"), llmtest.Say("I'll ", "look."), llmtest.Think("", "secret-2"), llmtest.Call("look", nil),
	}, llmtest.Say("a"), llmtest.Say("b"), llmtest.Say("c"))
	p := provider(openai.Responses)(srv.Target())
	req := llmtest.Ask("Go")
	res, got, err := llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	require.Equal(t, []string{"I'll ", "look."}, got, "reasoning is not said")
	goOn(&req, res)

	items := func() []string {
		_, _, err := llmtest.Collect(t.Context(), p, req)
		require.NoError(t, err)
		var kinds []string
		for _, i := range last(t, srv)["input"].([]any)[1:] {
			item := i.(map[string]any)
			kind, _ := item["type"].(string)
			role, _ := item["role"].(string)
			secret, _ := item["encrypted_content"].(string)
			kinds = append(kinds, kind+role+secret)
		}
		return kinds
	}
	require.Equal(t, []string{"reasoningsecret-1", "messageassistant", "reasoningsecret-2", "function_call", "function_call_output"}, items())
	req.Model = "other-model"
	require.Equal(t, []string{"messageassistant", "function_call", "function_call_output"}, items(), "another model")
	req.Model = "test-model"
	req.Messages[1].Text = "I'll"
	require.Equal(t, []string{"messageassistant", "function_call", "function_call_output"}, items(), "the text isn't what it was")
}

// Several messages of one answer are parted for people, and keep their phases.
func TestPhases(t *testing.T) {
	t.Parallel()
	event := func(s string) llmtest.Step { return llmtest.Raw("data: " + s + "\n\n") }
	message := func(index, phase, text string) llmtest.Step {
		return event(`{"type":"response.output_item.added","output_index":` + index + `,"item":{"type":"message","id":"m","role":"assistant","phase":"` + phase + `","content":[]}}` +
			"\n\ndata: " + `{"type":"response.output_text.delta","output_index":` + index + `,"delta":"` + text + `"}`)
	}
	srv := llmtest.NewServer(t, llmtest.Reply{message("0", "commentary", "Looking."), message("1", "final_answer", "There it is.")}, llmtest.Say("ok"))
	p := provider(openai.Responses)(srv.Target())
	req := llmtest.Ask("Go")
	res, got, err := llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	require.Equal(t, []string{"Looking.", "\n\nThere it is."}, got)

	req.Messages = append(req.Messages, llm.Message{Role: llm.RoleAssistant, Text: res.Text, Carry: res.Carry},
		llm.Message{Role: llm.RoleUser, Text: "Thanks"})
	_, _, err = llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	var phases []any
	for _, i := range last(t, srv)["input"].([]any) {
		phases = append(phases, i.(map[string]any)["phase"])
	}
	require.Equal(t, []any{nil, "commentary", "final_answer", nil}, phases)
}

func TestRefusalInWords(t *testing.T) {
	t.Parallel()
	srv := llmtest.NewServer(t, llmtest.Raw(`data: {"type":"response.refusal.delta","delta":"I won't."}`+"\n\n"))
	res, _, err := llmtest.Collect(t.Context(), provider(openai.Responses)(srv.Target()), llmtest.Ask("Go"))
	require.NoError(t, err)
	require.Equal(t, llm.StopRefusal, res.StopReason)
	require.Equal(t, "I won't.", res.Text)
}

// Compatible servers get back what theirs put beside a call: Google's signature, or
// what a model thought in clear.
func TestExtrasAreCarried(t *testing.T) {
	t.Parallel()
	chunk := func(delta, reason string) string {
		return `data: {"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + reason + "}]}\n\n"
	}
	srv := llmtest.NewServer(t, llmtest.Body(200, "text/event-stream",
		chunk(`{"reasoning_content":"Let me "}`, "null")+chunk(`{"reasoning_content":"think."}`, "null")+
			chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"look","arguments":"{}"},"extra_content":{"google":{"thought_signature":"sig"}}}]}`, "null")+
			chunk(`{"tool_calls":[{"index":1,"id":"b","function":{"name":"list","arguments":"{}"}}]}`, `"tool_calls"`)),
		llmtest.Say("ok"), llmtest.Say("ok"))
	p := newProvider(srv)
	req := llmtest.Ask("Go")
	res, got, err := llmtest.Collect(t.Context(), p, req)
	require.NoError(t, err)
	require.Empty(t, got)
	goOn(&req, res)
	returned := func() (reasoning any, extras []any) {
		_, _, err := llmtest.Collect(t.Context(), p, req)
		require.NoError(t, err)
		message := last(t, srv)["messages"].([]any)[1].(map[string]any)
		for _, c := range message["tool_calls"].([]any) {
			extras = append(extras, c.(map[string]any)["extra_content"])
		}
		return message["reasoning_content"], extras
	}
	reasoning, extras := returned()
	require.Equal(t, "Let me think.", reasoning)
	require.Equal(t, []any{map[string]any{"google": map[string]any{"thought_signature": "sig"}}, nil}, extras)

	req.Model = "other-model"
	reasoning, extras = returned()
	require.Nil(t, reasoning, "another model")
	require.Equal(t, []any{nil, nil}, extras)
}
