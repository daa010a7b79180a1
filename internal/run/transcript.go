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
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/quoted"
)

// transcript is the conversation as the model of this run sees it: what was asked
// and answered before, each question with its answers even where messages crossed,
// then this run's question, what the runs that it retries had finished of it, and
// what came of it so far. What was said to the run while it worked stands where its
// model first saw it. Left out are interrupted and retracted messages, questions that still wait
// for their turn, and what people said to each other since the question. Every tool
// call has its result. While the run lasts, what was there keeps its place. It is read
// with the lease held, or a question whose turn came meanwhile would stand in it. What the
// loop guard has to say stands below the results of the step that it is about. at is
// where the question stands.
func transcript(ctx context.Context, c *ent.Client, r *ent.Run) (out []llm.Message, at int, err error) {
	all, err := c.Message.Query().
		Where(message.ConversationID(r.ConversationID), message.StatusEQ(enum.MessageComplete), message.Retracted(false)).
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
	told, err := guard(ctx, c, r, own(all, r), calls)
	if err != nil {
		return nil, 0, err
	}
	all = slices.DeleteFunc(all, func(m *ent.Message) bool { return unread(m) || unheard(m, r) })
	names, err := speakers(ctx, c, all)
	if err != nil {
		return nil, 0, err
	}
	asked := slices.IndexFunc(all, func(m *ent.Message) bool { return m.ID == r.MessageID })
	ours := map[string][]*ent.Message{}
	for _, g := range groups(all) {
		switch {
		case slices.Contains(chain, g.run):
			ours[g.run] = g.messages
		case slices.Contains(waiting, g.run), g.run == "" && asked >= 0 && g.messages[0].Position > all[asked].Position:
		default:
			for _, m := range g.messages {
				out = add(out, m, calls[m.ID], names)
			}
		}
	}
	if asked >= 0 {
		out = add(out, all[asked], nil, names)
	}
	at = max(len(out)-1, 0)
	for _, id := range chain {
		for _, m := range inOrder(ours[id], r.MessageID) {
			if id != r.ID && m.Role == enum.RoleAssistant && len(calls[m.ID]) == 0 {
				continue // an answer that was not good enough: the retry gives another
			}
			out = add(out, m, calls[m.ID], names)
			if note := told.notes[m.Step]; note != "" && id == r.ID && len(calls[m.ID]) > 0 {
				results := out[len(out)-1].ToolResults
				results[len(results)-1].Text += "\n\n" + note
			}
		}
	}
	return out, at, nil
}

// own are the run's messages.
func own(all []*ent.Message, r *ent.Run) (out []*ent.Message) {
	for _, m := range all {
		if m.RunID != nil && *m.RunID == r.ID {
			out = append(out, m)
		}
	}
	return out
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

// group is a run's messages, also where a fork has copied them, or one that belongs to no
// run.
type group struct {
	run      string
	messages []*ent.Message
}

func groups(all []*ent.Message) []*group {
	var out []*group
	byRun := map[string]*group{}
	for _, m := range all {
		id := m.TurnID
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
			ids = append(ids, original(m))
		}
	}
	calls, err := c.ToolCall.Query().Where(toolcall.MessageIDIn(ids...)).
		Order(ent.Asc(toolcall.FieldMessageID, toolcall.FieldPosition)).All(ctx)
	if err != nil {
		return nil, err
	}
	byOriginal := map[string][]*ent.ToolCall{}
	for _, c := range calls {
		byOriginal[c.MessageID] = append(byOriginal[c.MessageID], c)
	}
	byMessage := map[string][]*ent.ToolCall{}
	for _, m := range messages {
		if its := byOriginal[original(m)]; len(its) > 0 {
			byMessage[m.ID] = its
		}
	}
	return byMessage, nil
}

// original is the message whose tool calls are this one's: of what a fork has copied, the
// one that was copied.
func original(m *ent.Message) string { return cmp.Or(m.CopyOfID, m.ID) }

// add appends a message and its tools' results. Roles must alternate, so what
// follows its like is joined to it. What other agents say is marked as theirs.
func add(out []llm.Message, m *ent.Message, calls []*ent.ToolCall, names map[string]string) []llm.Message {
	if m.Role != enum.RoleAssistant {
		return join(out, llm.Message{Role: llm.RoleUser, Text: words(m, names)})
	}
	said := llm.Message{Role: llm.RoleAssistant, Text: m.Text, Carry: json.RawMessage(m.Carry)}
	results := llm.Message{Role: llm.RoleUser}
	for _, c := range calls {
		said.ToolCalls = append(said.ToolCalls, llm.ToolCall{ID: c.CallID, Name: c.Name, Input: json.RawMessage(c.Input)})
		results.ToolResults = append(results.ToolResults, llm.ToolResult{
			CallID: c.CallID, Text: result(c), IsError: c.State != enum.ToolCallDone,
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

// result is what the model is told of a call. The text of others is marked as such; what
// went wrong is in our words. The marks are made of the vendor's id of the call, which a
// recording has too.
func result(c *ent.ToolCall) string {
	tool := tools.Find(c.Name)
	if c.State != enum.ToolCallDone || tool != nil && tools.Trusted(tool) {
		return c.Output
	}
	if tool != nil {
		if agent := tools.SpeakerOf(tool, json.RawMessage(c.Input)); agent != "" {
			return quoted.Mark(quoted.Words, clip(agent, 40), c.CallID, c.Output)
		}
	}
	return quoted.Mark(quoted.Data, clip(c.Name, 40), c.CallID, c.Output)
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
