package run

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"slices"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/llm"
)

// transcript is the conversation as the model of this run sees it: what was asked
// and answered before, each question with its answers even where messages crossed,
// then this run's question, what the runs that it retries had finished of it, and
// what came of it so far. What was said to the run while it worked stands where its
// model first saw it. Left out are interrupted messages, questions that still wait
// for their turn, and what people said to each other since the question. Every tool
// call has its result. While the run lasts, what was there keeps its place. It is read
// with the lease held, or a question whose turn came meanwhile would stand in it. at is
// where the question stands.
func transcript(ctx context.Context, c *ent.Client, r *ent.Run) (out []llm.Message, at int, err error) {
	all, err := c.Message.Query().
		Where(message.ConversationID(r.ConversationID), message.StatusEQ(enum.MessageComplete)).
		Order(ent.Asc(message.FieldPosition)).All(ctx)
	if err != nil {
		return nil, 0, err
	}
	calls, err := callsByMessage(ctx, c, all)
	if err != nil {
		return nil, 0, err
	}
	waiting, err := c.Run.Query().
		Where(run.ConversationID(r.ConversationID), run.StateEQ(enum.RunQueued), run.StartedAtIsNil(), run.IDNEQ(r.ID)).IDs(ctx)
	if err != nil {
		return nil, 0, err
	}
	chain, err := retries(ctx, c, r)
	if err != nil {
		return nil, 0, err
	}
	asked := slices.IndexFunc(all, func(m *ent.Message) bool { return m.ID == r.MessageID })
	own := map[string][]*ent.Message{}
	for _, g := range groups(all) {
		switch {
		case slices.Contains(chain, g.run):
			own[g.run] = g.messages
		case slices.Contains(waiting, g.run), g.run == "" && asked >= 0 && g.messages[0].Position > all[asked].Position:
		default:
			for _, m := range g.messages {
				out = add(out, m, calls[m.ID])
			}
		}
	}
	if asked >= 0 {
		out = add(out, all[asked], nil)
	}
	at = max(len(out)-1, 0)
	for _, id := range chain {
		for _, m := range inOrder(own[id], r.MessageID) {
			if id != r.ID && m.Role == enum.RoleAssistant && len(calls[m.ID]) == 0 {
				continue // an answer that was not good enough: the retry gives another
			}
			out = add(out, m, calls[m.ID])
		}
	}
	return out, at, nil
}

// retries lists the runs that r tries again, the first of them first, and r last.
func retries(ctx context.Context, c *ent.Client, r *ent.Run) ([]string, error) {
	chain := []string{r.ID}
	for before := r.RetriedFromID; before != nil; {
		r, err := c.Run.Get(ctx, *before)
		if ent.IsNotFound(err) {
			break
		}
		if err != nil {
			return nil, err
		}
		chain = append(chain, r.ID)
		before = r.RetriedFromID
	}
	slices.Reverse(chain)
	return chain, nil
}

// inOrder is a run's messages without its question, step by step: in each, first what
// people said that its model had not seen before, and what it never saw last.
func inOrder(messages []*ent.Message, question string) []*ent.Message {
	var out []*ent.Message
	for _, m := range messages {
		if m.ID != question {
			out = append(out, m)
		}
	}
	place := func(m *ent.Message) (step, rank int) {
		switch {
		case m.Role == enum.RoleAssistant:
			return m.Step, 1
		case m.SeenStep != nil:
			return *m.SeenStep, 0
		}
		return math.MaxInt, 0
	}
	slices.SortStableFunc(out, func(a, b *ent.Message) int {
		stepA, rankA := place(a)
		stepB, rankB := place(b)
		return cmp.Or(cmp.Compare(stepA, stepB), cmp.Compare(rankA, rankB))
	})
	return out
}

// group is a run's messages, or one that belongs to no run.
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

func callsByMessage(ctx context.Context, c *ent.Client, messages []*ent.Message) (map[string][]*ent.ToolCall, error) {
	ids := make([]string, 0, len(messages))
	for _, m := range messages {
		if m.Role == enum.RoleAssistant {
			ids = append(ids, m.ID)
		}
	}
	calls, err := c.ToolCall.Query().Where(toolcall.MessageIDIn(ids...)).
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
