package demo_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/demo"
	"github.com/zeblit/zeblit/internal/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// project is a conversation with the demo model whose tools work on files in memory.
type project struct {
	t     *testing.T
	files map[string]string
	req   llm.Request
	calls []string                                       // "tool path", of all turns
	says  []string                                       // the messages
	fail  func(tool, path string, n int) (reason string) // n counts the calls of that tool on that path
	seen  map[string]int
	other func(c llm.ToolCall) (text string, failed bool) // what all tools but those of files do
}

func newProject(t *testing.T, tools ...string) *project {
	if len(tools) == 0 {
		tools = []string{"list_files", "read_file", "write_file", "edit_file"}
	}
	p := &project{t: t, files: map[string]string{}, seen: map[string]int{}, fail: func(string, string, int) string { return "" }}
	for _, name := range tools {
		p.req.Tools = append(p.req.Tools, llmtest.Tool(name))
	}
	return p
}

// ask sends a message of the user's and runs the tools until the model is done. It
// returns the last message.
func (p *project) ask(text string) string {
	p.t.Helper()
	p.req.Messages = append(p.req.Messages, llm.Message{Role: llm.RoleUser, Text: text})
	for range 20 {
		res, got, err := llmtest.Collect(p.t.Context(), demo.New(demo.Options{}), p.req)
		require.NoError(p.t, err)
		require.Equal(p.t, res.Text, strings.Join(got, ""))
		require.True(p.t, strings.HasPrefix(res.Text, demo.Label), res.Text)
		require.Positive(p.t, res.Usage.InputTokens)
		require.Positive(p.t, res.Usage.OutputTokens)
		p.says = append(p.says, res.Text)
		p.req.Messages = append(p.req.Messages, llm.Message{Role: llm.RoleAssistant, Text: res.Text, ToolCalls: res.ToolCalls})
		if len(res.ToolCalls) == 0 {
			require.Equal(p.t, llm.StopEnd, res.StopReason)
			return res.Text
		}
		require.Equal(p.t, llm.StopToolCalls, res.StopReason)
		results := llm.Message{Role: llm.RoleUser}
		for _, c := range res.ToolCalls {
			text, failed := p.run(c)
			results.ToolResults = append(results.ToolResults, llm.ToolResult{CallID: c.ID, Text: text, IsError: failed})
		}
		p.req.Messages = append(p.req.Messages, results)
	}
	require.Fail(p.t, "the demo model never ends", text)
	return ""
}

func (p *project) run(c llm.ToolCall) (text string, failed bool) {
	var in struct {
		Path    string
		Text    *string
		OldText string `json:"old_text"`
		NewText string `json:"new_text"`
	}
	require.NoError(p.t, json.Unmarshal(c.Input, &in))
	name := strings.TrimSpace(c.Name + " " + in.Path)
	p.calls = append(p.calls, name)
	p.seen[name]++
	if reason := p.fail(c.Name, in.Path, p.seen[name]); reason != "" {
		return reason, true
	}
	switch c.Name {
	case "list_files":
		var out []string
		for f := range p.files {
			if in.Path == "" || strings.HasPrefix(f, in.Path+"/") {
				out = append(out, f)
			}
		}
		if len(out) == 0 {
			return "(no files)", false
		}
		slices.Sort(out)
		return strings.Join(out, "\n"), false
	case "read_file":
		text, ok := p.files[in.Path]
		if !ok {
			return "no such file", true
		}
		return text, false
	case "write_file":
		require.NotNil(p.t, in.Text)
		require.NotContains(p.t, in.Path, "..")
		require.False(p.t, strings.HasPrefix(in.Path, "/"), in.Path)
		p.files[in.Path] = *in.Text
		return "ok", false
	case "edit_file":
		if strings.Count(p.files[in.Path], in.OldText) != 1 {
			return "old_text must be there exactly once", true
		}
		require.NotEqual(p.t, in.OldText, in.NewText)
		p.files[in.Path] = strings.Replace(p.files[in.Path], in.OldText, in.NewText, 1)
		return "ok", false
	}
	if p.other != nil {
		return p.other(c)
	}
	require.Fail(p.t, "a tool that was not offered", c.Name)
	return "", true
}

// names are the project's files.
func (p *project) names() []string {
	var out []string
	for f := range p.files {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}
