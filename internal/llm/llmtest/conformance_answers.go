package llmtest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeblit/zeblit/internal/llm"
)

func testText(t *testing.T, c conformance) {
	t.Parallel()
	deltas := []string{"Hel", "lo, ", "wörld ", "🌍\n", "\"quoted\" <b>&amp;</b>"}
	res, got, err := c.run(t, Say(deltas...))
	require.NoError(t, err)
	require.Equal(t, deltas, got, "each delta is handed on as it came")
	require.Equal(t, "Hello, wörld 🌍\n\"quoted\" <b>&amp;</b>", res.Text)
	require.Equal(t, llm.StopEnd, res.StopReason)
	require.Equal(t, "test-model", res.Model)
	require.Empty(t, res.ToolCalls)

	res, got, err = c.run(t, Reply{})
	require.NoError(t, err, "an empty answer is one")
	require.Empty(t, got)
	require.Equal(t, llm.StopEnd, res.StopReason)
}

func testRequest(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t, Func(func(Request) Reply { return Reply{Say("ok")} }))
	p := c.provider(srv)
	temperature := 0.25
	req := Ask("Build <it> & \"run\" it")
	req.System, req.Tools, req.MaxOutputTokens, req.Temperature = "Be brief.", []llm.Tool{Tool("read_file"), Tool("list")}, 1234, &temperature
	_, _, err := Collect(t.Context(), p, req)
	require.NoError(t, err)
	req.Model = ""
	_, _, err = Collect(t.Context(), p, req)
	require.NoError(t, err)

	got := srv.Requests()
	require.Len(t, got, 2)
	require.Equal(t, "test-model", got[0].Model)
	require.Equal(t, p.DefaultModel(), got[1].Model, "an empty model is the default")
	require.Equal(t, Secret, got[0].Key)
	require.Equal(t, "Be brief.", got[0].System)
	require.Equal(t, req.Messages, got[0].Messages)
	require.Equal(t, 1234, got[0].MaxTokens)
	require.Equal(t, &temperature, got[0].Temperature)
	require.Len(t, got[0].Tools, 2)
	require.Equal(t, "read_file", got[0].Tools[0].Name)
	require.Equal(t, "Does read_file.", got[0].Tools[0].Description)
	require.JSONEq(t, string(req.Tools[0].InputSchema), string(got[0].Tools[0].InputSchema))
}

func testToolCalls(t *testing.T, c conformance) {
	t.Parallel()
	page := map[string]any{"path": "a.html", "text": "<p>ü \"x\" \\ \n\t😀</p>"}
	srv := NewServer(t,
		Reply{Say("Let me ", "look."), Call("write_file", page), Call("list_files", nil)},
		Reply{Say("Another."), Call("read_file", map[string]any{"path": "a.html"})},
		Reply{Call("read_file", map[string]any{"path": "b.html"})},
		Say("Done."),
	)
	p := c.provider(srv)
	req := Ask("Go")
	req.Tools = []llm.Tool{Tool("write_file"), Tool("list_files"), Tool("read_file")}

	ids := map[string]bool{}
	turn := func() llm.Response {
		res, _, err := Collect(t.Context(), p, req)
		require.NoError(t, err)
		answer := llm.Message{Role: llm.RoleUser}
		for i, call := range res.ToolCalls {
			require.NotEmpty(t, call.ID)
			require.False(t, ids[call.ID], "ids are unique in the transcript")
			ids[call.ID] = true
			text := "line one\n  line <two>"
			if i == 1 {
				text = "" // results may be empty
			}
			answer.ToolResults = append(answer.ToolResults, llm.ToolResult{CallID: call.ID, Text: text, IsError: i == 0})
		}
		req.Messages = append(req.Messages,
			llm.Message{Role: llm.RoleAssistant, Text: res.Text, ToolCalls: res.ToolCalls, Carry: res.Carry})
		if len(res.ToolCalls) > 0 {
			req.Messages = append(req.Messages, answer)
		}
		return res
	}

	res := turn()
	require.Equal(t, llm.StopToolCalls, res.StopReason)
	require.Equal(t, "Let me look.", res.Text)
	require.Len(t, res.ToolCalls, 2)
	require.Equal(t, "write_file", res.ToolCalls[0].Name)
	want, err := json.Marshal(page)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(res.ToolCalls[0].Input))
	require.Equal(t, "list_files", res.ToolCalls[1].Name)
	require.JSONEq(t, "{}", string(res.ToolCalls[1].Input))

	require.Len(t, turn().ToolCalls, 1)
	req.Messages[len(req.Messages)-1].Text = "By the way: hurry." // results and words of the user in one message
	require.Empty(t, turn().Text)
	require.Equal(t, "Done.", turn().Text)

	last := srv.Requests()[3]
	require.Empty(t, last.Refused)
	require.Len(t, last.Messages, 7)
	require.Equal(t, "Let me look.", last.Messages[1].Text)
	require.Equal(t, "write_file", last.Messages[1].ToolCalls[0].Name)
	require.JSONEq(t, string(want), string(last.Messages[1].ToolCalls[0].Input))
	require.Len(t, last.Messages[2].ToolResults, 2)
	require.Contains(t, last.Messages[2].ToolResults[0].Text, "line one\n  line <two>")
	require.Equal(t, "By the way: hurry.", last.Messages[4].Text)
}

func testStopReasons(t *testing.T, c conformance) {
	t.Parallel()
	for _, want := range []llm.StopReason{llm.StopEnd, llm.StopLength, llm.StopRefusal} {
		res, _, err := c.run(t, Reply{Say("x"), Stop(want)})
		require.NoError(t, err)
		require.Equal(t, want, res.StopReason)
	}
}

func testUsage(t *testing.T, c conformance) {
	t.Parallel()
	want := llm.Usage{InputTokens: 120, OutputTokens: 45, CacheReadTokens: 3000, CacheWriteTokens: 70, ReasoningTokens: 12}
	res, _, err := c.run(t, Reply{Say("x"), Usage(want)})
	require.NoError(t, err)
	require.Equal(t, want, res.Usage)
}

func testImages(t *testing.T, c conformance) {
	t.Parallel()
	srv := NewServer(t, Say("a cat"), Say("two"))
	req := Ask("What is this?")
	req.Messages[0].Images = []llm.Image{{MediaType: "image/png", Data: []byte("\x89PNG not really")}, {MediaType: "image/webp", Data: []byte("RIFF")}}
	_, _, err := Collect(t.Context(), c.provider(srv), req)
	require.NoError(t, err)
	req.Messages[0].Text = "" // an image may be all there is
	_, _, err = Collect(t.Context(), c.provider(srv), req)
	require.NoError(t, err)
	require.Equal(t, req.Messages[0].Images, srv.Requests()[0].Messages[0].Images)
	require.Equal(t, "What is this?", srv.Requests()[0].Messages[0].Text)
	require.Equal(t, req.Messages, srv.Requests()[1].Messages)
}

// A transcript may have begun with another vendor, whose ids look otherwise.
func testForeignIDs(t *testing.T, c conformance) {
	t.Parallel()
	ids := []string{"functions.look:0", strings.Repeat("x", 80), "grüße"}
	req := Ask("Go")
	calls, results := llm.Message{Role: llm.RoleAssistant}, llm.Message{Role: llm.RoleUser}
	for _, id := range ids {
		calls.ToolCalls = append(calls.ToolCalls, llm.ToolCall{ID: id, Name: "look", Input: json.RawMessage("{}")})
		results.ToolResults = append(results.ToolResults, llm.ToolResult{CallID: id, Text: id})
	}
	req.Messages = append(req.Messages, calls, results)
	srv := NewServer(t, Say("ok"))
	_, _, err := Collect(t.Context(), c.provider(srv), req)
	require.NoError(t, err, "the server takes the calls and their results")
	require.Len(t, srv.Requests()[0].Results(), len(ids))
}
