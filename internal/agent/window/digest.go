package window

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/internal/llm"
)

const (
	// longestDigest bounds a digest, in bytes: the oldest lines give way.
	longestDigest = 12 << 10
	longestSaid   = 400
	longestInput  = 160
)

// digest tells messages in short, a line for each thing said or done.
func digest(title string, messages []llm.Message) string {
	var lines []string
	failed := map[string]bool{}
	for _, m := range messages {
		for _, r := range m.ToolResults {
			failed[r.CallID] = r.IsError
		}
	}
	for _, m := range messages {
		who := "the user said"
		if m.Role == llm.RoleAssistant {
			who = "you said"
		}
		if text := clip(oneLine(m.Text), longestSaid); text != "" {
			lines = append(lines, fmt.Sprintf("- %s: %s", who, text))
		}
		for _, c := range m.ToolCalls {
			outcome := ""
			if failed[c.ID] {
				outcome = ", which failed"
			}
			lines = append(lines, fmt.Sprintf("- you called %s %s%s", c.Name, clip(string(brief(c.Input)), longestInput), outcome))
		}
	}
	size, left := 0, 0
	for i, l := range slices.Backward(lines) {
		if size += len(l) + 1; size > longestDigest {
			left = i + 1
			break
		}
	}
	if left > 0 {
		lines = append([]string{fmt.Sprintf("- … and %d things before", left)}, lines[left:]...)
	}
	return "(" + title + ", told in short because it is long; read files again where you need their text.)\n" + strings.Join(lines, "\n")
}

// brief is a tool's input with its long texts cut.
func brief(input json.RawMessage) json.RawMessage { return shortInput(input, 60) }

// shorten cuts long results and inputs of tool calls before the message at end.
func shorten(messages []llm.Message, end, most int) []llm.Message {
	out := slices.Clone(messages)
	for i := range out[:end] {
		m := &out[i]
		if slices.ContainsFunc(m.ToolResults, func(r llm.ToolResult) bool { return len(r.Text) > most }) {
			m.ToolResults = slices.Clone(m.ToolResults)
			for j := range m.ToolResults {
				m.ToolResults[j].Text = clipMiddle(m.ToolResults[j].Text, most)
			}
		}
		if slices.ContainsFunc(m.ToolCalls, func(c llm.ToolCall) bool { return len(c.Input) > most }) {
			m.ToolCalls = slices.Clone(m.ToolCalls)
			for j := range m.ToolCalls {
				m.ToolCalls[j].Input = shortInput(m.ToolCalls[j].Input, most)
			}
			m.Carry = nil // it is for the turn as it was
		}
	}
	return out
}

// shortInput is the object with its texts cut to most bytes.
func shortInput(input json.RawMessage, most int) json.RawMessage {
	if len(input) <= most {
		return input
	}
	var fields map[string]any
	if json.Unmarshal(input, &fields) != nil {
		return json.RawMessage("{}")
	}
	for k, v := range fields {
		switch v := v.(type) {
		case string:
			fields[k] = clipMiddle(v, most)
		case []any, map[string]any:
			if raw, _ := json.Marshal(v); len(raw) > most {
				fields[k] = fmt.Sprintf("(%d bytes left out)", len(raw))
			}
		}
	}
	out, _ := json.Marshal(fields)
	return out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// clip cuts s at the end, between two characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// clipMiddle leaves the start and the end of s, and says how much is missing.
func clipMiddle(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const note = "\n… (%d bytes left out) …\n"
	half := max(most-len(note)-6, 0) / 2
	return strings.ToValidUTF8(s[:half], "") + fmt.Sprintf(note, len(s)-2*half) + strings.ToValidUTF8(s[len(s)-half:], "")
}
