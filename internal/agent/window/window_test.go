package window_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/internal/agent/window"
	"github.com/zeblit/zeblit/internal/llm"
)

func size(messages []llm.Message) (n int) {
	for _, m := range messages {
		n += len(m.Text)
		for _, c := range m.ToolCalls {
			n += len(c.Input) + len(c.Name)
		}
		for _, r := range m.ToolResults {
			n += len(r.Text)
		}
	}
	return n
}

func below(n int) window.Fits { return func(m []llm.Message) bool { return size(m) <= n } }

func user(text string) llm.Message { return llm.Message{Role: llm.RoleUser, Text: text} }
func says(text string) llm.Message { return llm.Message{Role: llm.RoleAssistant, Text: text} }
func calls(id, text, output string) []llm.Message {
	input, _ := json.Marshal(map[string]string{"path": id, "text": text})
	return []llm.Message{
		{Role: llm.RoleAssistant, ToolCalls: []llm.ToolCall{{ID: id, Name: "write_file", Input: input}}, Carry: json.RawMessage(`"thought"`)},
		{Role: llm.RoleUser, ToolResults: []llm.ToolResult{{CallID: id, Text: output}}},
	}
}

// check holds what must be true of whatever is told.
func check(t require.TestingT, messages, told []llm.Message, asked int) {
	question := messages[asked].Text
	found := false
	open := map[string]bool{}
	for i, m := range told {
		found = found || m.Role == llm.RoleUser && strings.Contains(m.Text, question)
		if i > 0 {
			require.NotEqual(t, told[i-1].Role, m.Role, "roles alternate")
		}
		for _, r := range m.ToolResults {
			require.True(t, open[r.CallID], "a result follows its call")
			delete(open, r.CallID)
		}
		require.Empty(t, open, "every call has its result in the message after it")
		for _, c := range m.ToolCalls {
			open[c.ID] = true
			require.True(t, json.Valid(c.Input))
		}
	}
	require.Equal(t, llm.RoleUser, told[0].Role)
	require.True(t, found, "the request is there as it is")
	require.Equal(t, ids(messages[len(messages)-1]), ids(told[len(told)-1]), "the last turn is there")
}

func ids(m llm.Message) (all []string) {
	for _, r := range m.ToolResults {
		all = append(all, r.CallID)
	}
	return all
}

func TestWhatFitsStaysAsItIs(t *testing.T) {
	t.Parallel()
	messages := append([]llm.Message{user("build it")}, calls("a", "x", "y")...)
	told, ok := window.Compact(messages, 0, below(1000))
	require.True(t, ok)
	require.Equal(t, messages, told)
}

func TestItGoesOnlyAsFarAsItHasTo(t *testing.T) {
	t.Parallel()
	var messages []llm.Message
	for i := range 20 {
		messages = append(messages, user(fmt.Sprintf("request %d: %s", i, strings.Repeat("please ", 60))))
		messages = append(messages, calls(fmt.Sprintf("old-%d", i), strings.Repeat("code ", 2000), "wrote it")...)
		messages = append(messages, says(fmt.Sprintf("done with %d", i)))
	}
	asked := len(messages)
	messages = append(messages, user("now the last one"))
	for i := range 10 {
		messages = append(messages, calls(fmt.Sprintf("new-%d", i), strings.Repeat("code ", 400), strings.Repeat("output ", 3000))...)
	}
	whole := size(messages)
	before := append([]llm.Message(nil), messages...)

	told, ok := window.Compact(messages, asked, below(whole*9/10))
	require.True(t, ok)
	require.Len(t, told, len(messages), "shorter results are enough")
	require.Equal(t, messages[len(messages)-2:], told[len(told)-2:], "the last turn is whole")
	require.Contains(t, told[1].ToolCalls[0].Input, byte('{'))
	require.Nil(t, told[1].Carry, "what was thought for the turn as it was isn't sent with another")

	told, ok = window.Compact(messages, asked, below(40_000))
	require.True(t, ok)
	check(t, messages, told, asked)
	require.Contains(t, told[0].Text, "request 0")
	require.Contains(t, told[0].Text, "write_file")
	require.Contains(t, told[0].Text, "old-0")
	require.NotContains(t, fmt.Sprint(told), "What you did about this so far")

	told, ok = window.Compact(messages, asked, below(28_000))
	require.True(t, ok)
	check(t, messages, told, asked)
	require.Contains(t, fmt.Sprint(told), "What you did about this so far")
	require.Contains(t, fmt.Sprint(told), "new-0")

	told, ok = window.Compact(messages, asked, below(18_000))
	require.True(t, ok)
	check(t, messages, told, asked)
	require.Less(t, len(told[len(told)-1].ToolResults[0].Text), 5<<10, "at last the latest result is cut")

	told, ok = window.Compact(messages, asked, below(100))
	require.False(t, ok, "it can't be done")
	check(t, messages, told, asked)
	require.Equal(t, before, messages, "what was given is as it was")
}

func TestWhateverIsToldIsValid(t *testing.T) {
	t.Parallel()
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Repeat(rapid.SampledFrom([]string{"a", "ü ", "🚀", "word\n"}).Draw(t, "of"), rapid.IntRange(0, 3000).Draw(t, "times"))
	})
	rapid.Check(t, func(t *rapid.T) {
		var messages []llm.Message
		n := 0
		turns := func(most int) {
			for range rapid.IntRange(0, most).Draw(t, "turns") {
				n++
				messages = append(messages, calls(fmt.Sprint(n), text.Draw(t, "input"), text.Draw(t, "output"))...)
			}
		}
		for range rapid.IntRange(0, 5).Draw(t, "before") {
			messages = append(messages, user("earlier "+text.Draw(t, "said")))
			turns(3)
			messages = append(messages, says("answer "+text.Draw(t, "answer")))
		}
		asked := len(messages)
		messages = append(messages, user("do this "+text.Draw(t, "asked")))
		turns(6)
		most := rapid.IntRange(1, 100_000).Draw(t, "most")
		told, ok := window.Compact(messages, asked, below(most))
		check(t, messages, told, asked)
		if ok {
			require.LessOrEqual(t, size(told), most)
		}
		again, _ := window.Compact(messages, asked, below(most))
		require.Equal(t, told, again, "the same gives the same")
	})
}
