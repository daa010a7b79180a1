package run

import (
	"context"
	"encoding/json"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/llm"
)

// transcript is the conversation as the model of this run sees it: what was
// asked and answered before, each question with its answers even where messages
// crossed, then this run's question and what came of it so far. Interrupted
// messages are left out. Every tool call has its result.
func (e *Engine) transcript(ctx context.Context, r *ent.Run) ([]llm.Message, error) {
	all, err := e.db.Ent.Message.Query().
		Where(message.ConversationID(r.ConversationID), message.StatusEQ(enum.MessageComplete)).
		Order(ent.Asc(message.FieldPosition)).All(ctx)
	if err != nil {
		return nil, err
	}
	calls, err := e.callsByMessage(ctx, all)
	if err != nil {
		return nil, err
	}
	var out []llm.Message
	for _, group := range groups(all) {
		if group.run > r.ID { // asked later than this run's question
			continue
		}
		for _, m := range group.messages {
			out = add(out, m, calls[m.ID])
		}
	}
	return out, nil
}

// group is a question with its answers, or a message that no run answers.
type group struct {
	run      string
	messages []*ent.Message
}

func groups(all []*ent.Message) []*group {
	var out []*group
	byRun := map[string]*group{}
	for _, m := range all {
		id := ""
		if m.RunID != nil {
			id = *m.RunID
		}
		g := byRun[id]
		if g == nil || id == "" {
			g = &group{run: id}
			out = append(out, g)
			byRun[id] = g
		}
		g.messages = append(g.messages, m)
	}
	return out
}

func (e *Engine) callsByMessage(ctx context.Context, messages []*ent.Message) (map[string][]*ent.ToolCall, error) {
	ids := make([]string, 0, len(messages))
	for _, m := range messages {
		if m.Role == enum.RoleAssistant {
			ids = append(ids, m.ID)
		}
	}
	calls, err := e.db.Ent.ToolCall.Query().Where(toolcall.MessageIDIn(ids...)).
		Order(ent.Asc(toolcall.FieldMessageID, toolcall.FieldPosition)).All(ctx)
	if err != nil {
		return nil, err
	}
	byMessage := map[string][]*ent.ToolCall{}
	for _, c := range calls {
		byMessage[c.MessageID] = append(byMessage[c.MessageID], c)
	}
	return byMessage, nil
}

// add appends a message and its tools' results. Roles must alternate, so what
// follows its like is joined to it.
func add(out []llm.Message, m *ent.Message, calls []*ent.ToolCall) []llm.Message {
	if m.Role != enum.RoleAssistant {
		return join(out, llm.Message{Role: llm.RoleUser, Text: m.Text})
	}
	said := llm.Message{Role: llm.RoleAssistant, Text: m.Text, Carry: json.RawMessage(m.Carry)}
	results := llm.Message{Role: llm.RoleUser}
	for _, c := range calls {
		said.ToolCalls = append(said.ToolCalls, llm.ToolCall{ID: c.CallID, Name: c.Name, Input: json.RawMessage(c.Input)})
		results.ToolResults = append(results.ToolResults, llm.ToolResult{
			CallID: c.CallID, Text: c.Output, IsError: c.State != enum.ToolCallDone,
		})
	}
	if said.Text == "" && len(said.ToolCalls) == 0 {
		return out
	}
	out = join(out, said)
	if len(calls) > 0 {
		out = append(out, results)
	}
	return out
}

func join(out []llm.Message, m llm.Message) []llm.Message {
	if len(out) == 0 || out[len(out)-1].Role != m.Role || len(m.ToolCalls) > 0 {
		return append(out, m)
	}
	last := &out[len(out)-1]
	if last.Text != "" && m.Text != "" {
		last.Text += "\n\n"
	}
	last.Text += m.Text
	return out
}
