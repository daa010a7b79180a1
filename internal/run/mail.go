package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm/quoted"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
)

// Addressee is the run that a call's mail to a role goes to: one of the same tree that has
// not ended. Of several it is the one that last wrote to the sender, or else one that
// works, and the latest. NOT_FOUND names those there are.
func (e *Engine) Addressee(ctx context.Context, env tools.Env, to string) (tools.Addressee, error) {
	ctx = access.As(ctx, access.Engine)
	role, err := agent.Find(to)
	if p := problem.As(err); p != nil {
		return tools.Addressee{}, problem.BadField("to", "%s", p.Message)
	}
	if err != nil {
		return tools.Addressee{}, err
	}
	me, err := e.db.Ent.Run.Get(ctx, env.RunID)
	if err != nil {
		return tools.Addressee{}, err
	}
	root := cmp.Or(me.RootID, me.ID)
	tree, err := e.db.Ent.Run.Query().
		Where(run.ProjectID(me.ProjectID), unended(), run.IDNEQ(me.ID), run.Or(run.ID(root), run.RootID(root))).
		WithAgent().Order(ent.Desc(run.FieldID)).All(ctx)
	if err != nil {
		return tools.Addressee{}, fmt.Errorf("look for the others of run %s: %w", me.ID, err)
	}
	var those []*ent.Run
	var others []string
	for _, r := range tree {
		if r.Edges.Agent.Slug == role.Slug {
			those = append(those, r)
		}
		others = append(others, fmt.Sprintf("%s (%s)", r.Edges.Agent.Slug, r.State))
	}
	if len(those) == 0 {
		return tools.Addressee{}, nobody(role, others)
	}
	last, err := e.db.Ent.Message.Query().Where(message.RunID(me.ID), message.SenderRunIDIn(ids(those)...)).
		Order(ent.Desc(message.FieldPosition)).First(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return tools.Addressee{}, err
	}
	slices.SortStableFunc(those, func(a, b *ent.Run) int {
		rank := func(r *ent.Run) int {
			switch {
			case last != nil && r.ID == last.SenderRunID:
				return 0
			case r.State == enum.RunRunning:
				return 1
			}
			return 2
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return tools.Addressee{RunID: those[0].ID, Name: role.Name, State: those[0].State}, nil
}

func nobody(role agent.Role, others []string) error {
	text := "no " + role.Name + " works on this request now, so nobody would read it: "
	if len(others) == 0 {
		text += "you are the only one at work. Use ask_agent where you need an answer"
	} else {
		slices.Sort(others)
		text += "there are: " + strings.Join(slices.Compact(others), ", ")
	}
	return &problem.Error{Code: problem.NotFound, Field: "to", Message: text}
}

func ids(runs []*ent.Run) []string {
	out := make([]string, len(runs))
	for i, r := range runs {
		out[i] = r.ID
	}
	return out
}

// Post puts mail of a call's run into the conversation of another, as a part of tx. Its
// model sees it before its next answer. The other's row is not locked: two who write to
// each other at once would wait for each other for ever.
func (e *Engine) Post(ctx context.Context, tx *store.Tx, env tools.Env, to tools.Addressee, text string) error {
	ctx = access.As(ctx, access.Engine)
	me, err := tx.Ent.Run.Get(ctx, env.RunID)
	if err != nil {
		return err
	}
	r, err := tx.Ent.Run.Get(ctx, to.RunID)
	if err != nil {
		return err
	}
	if r.State.Ended() {
		return &problem.Error{Code: problem.NotFound, Field: "to", Message: "the " + to.Name + "'s work has just ended, so nobody would read it"}
	}
	talk, err := tx.Ent.Conversation.UpdateOneID(r.ConversationID).AddNextPosition(1).Save(ctx)
	if err != nil {
		return err
	}
	m, err := tx.Ent.Message.Create().SetID(relay.NewID("msg")).SetConversationID(talk.ID).SetProjectID(r.ProjectID).SetRunID(r.ID).
		SetAgentID(me.AgentID).SetSenderRunID(me.ID).SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText(text).
		SetPosition(talk.NextPosition - 1).SetCompletedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	tx.BeforeCommit(func(context.Context) error { faults.Point(faults.MailPosting); return nil })
	tx.AfterCommit(func() { faults.Point(faults.MailPosted); e.queue.ring() })
	return e.announce(ctx, tx, me, r, m)
}

// mailOf is the mail to a run that its model has not seen.
func mailOf(runID string) predicate.Message {
	return message.And(message.RunID(runID), message.SenderRunIDNEQ(""), message.SeenStepIsNil())
}

// takeMail marks a run's mail as seen from this step on, as a part of tx.
func (e *Engine) takeMail(ctx context.Context, tx *store.Tx, l *lease) error {
	n, err := tx.Ent.Message.Update().Where(mailOf(l.run.ID)).SetSeenStep(l.run.Step).Save(ctx)
	if err != nil || n == 0 {
		return err
	}
	tx.BeforeCommit(func(context.Context) error { faults.Point(faults.MailTaking); return nil })
	tx.AfterCommit(func() { faults.Point(faults.MailTaken) })
	return nil
}

// unread says whether a message is mail that nobody has seen. It never reaches a model
// once its run has ended: the words were for that one.
func unread(m *ent.Message) bool { return m.SenderRunID != "" && m.SeenStep == nil }

// unheard says whether a message was said to a run after it last looked for such: it is
// shown with the next step, or gets a run of its own.
func unheard(m *ent.Message, r *ent.Run) bool {
	return m.RunID != nil && *m.RunID == r.ID && m.Role == enum.RoleUser && m.ID != r.MessageID && m.SenderRunID == "" && m.SeenStep == nil
}

// passMail wakes the runs that wait for their tasks and have mail. One that waits for an
// answer to its own question gets its mail with that.
func (e *Engine) passMail(ctx context.Context) error {
	waiting, err := e.db.Ent.Run.Query().Where(unended(), run.StateEQ(enum.RunWaitingForAgents), hasMail(), run.Not(asksAnother())).
		Limit(sweepBatch).All(ctx)
	if err != nil {
		return fmt.Errorf("look for mail: %w", err)
	}
	var failures []error
	for _, r := range waiting {
		err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			tx.BeforeCommit(func(context.Context) error { faults.Point(faults.MailWaking); return nil })
			return e.interruptWait(ctx, tx, r.ID, "Another agent has written to you")
		})
		if err != nil && !errors.Is(err, ErrMoved) {
			failures = append(failures, fmt.Errorf("wake run %s: %w", r.ID, err))
		}
	}
	return errors.Join(failures...)
}

func hasMail() predicate.Run {
	return func(s *sql.Selector) {
		m := sql.Table(message.Table)
		s.Where(sql.Exists(sql.Select(m.C(message.FieldID)).From(m).Where(sql.And(
			sql.ColumnsEQ(m.C(message.FieldRunID), s.C(run.FieldID)), sql.NEQ(m.C(message.FieldSenderRunID), ""), sql.IsNull(m.C(message.FieldSeenStep)),
		))))
	}
}

// asksAnother holds for runs that wait for an answer of one below them, which may be there.
func asksAnother() predicate.Run {
	return func(s *sql.Selector) {
		below, calls := sql.Table(run.Table).As("below"), sql.Table(toolcall.Table)
		s.Where(sql.Exists(sql.Select(below.C(run.FieldID)).From(below).
			Join(calls).On(below.C(run.FieldCallID), calls.C(toolcall.FieldID)).
			Where(sql.And(
				sql.ColumnsEQ(below.C(run.FieldParentID), s.C(run.FieldID)), sql.EQ(calls.C(toolcall.FieldState), enum.ToolCallWaiting),
			))))
	}
}

// speakers are the slugs of the agents that say something to another one in these messages.
func speakers(ctx context.Context, c *ent.Client, all []*ent.Message) (map[string]string, error) {
	if !slices.ContainsFunc(all, func(m *ent.Message) bool { return m.SenderRunID != "" }) {
		return nil, nil
	}
	crew, err := c.Agent.Query().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the agents: %w", err)
	}
	names := map[string]string{}
	for _, a := range crew {
		names[a.ID] = a.Slug
	}
	return names, nil
}

// words are a message's as a model reads them: those of another agent are marked.
func words(m *ent.Message, names map[string]string) string {
	if m.SenderRunID == "" {
		return m.Text
	}
	who := "another agent"
	if m.AgentID != nil {
		who = cmp.Or(names[*m.AgentID], who)
	}
	return quoted.Mark(quoted.Words, who, original(m), m.Text)
}

// exchanged is the mail between a run and others, and what those wrote meanwhile, for the
// loop guard. asked are the questions that the run has put to others, which are no mail.
func exchanged(ctx context.Context, c *ent.Client, r *ent.Run, own []*ent.Message, asked []string) ([]given, error) {
	sent, err := c.Message.Query().Where(message.SenderRunID(r.ID), message.RunIDNotNil(), message.IDNotIn(asked...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the mail of run %s: %w", r.ID, err)
	}
	peers := map[string]bool{}
	var out []given
	for _, m := range sent {
		peers[*m.RunID] = true
		out = append(out, given{at: m.CreatedAt, kind: mails, what: *m.RunID})
	}
	for _, m := range own {
		if m.SenderRunID != "" && m.ID != r.MessageID && !unread(m) {
			peers[m.SenderRunID] = true
			out = append(out, given{at: m.CreatedAt, kind: mails, what: m.SenderRunID})
		}
	}
	for id := range peers {
		peer, err := c.Run.Query().Where(run.ID(id)).WithAgent().Only(ctx)
		if err != nil {
			return nil, err
		}
		for i, g := range out {
			if g.what == id {
				out[i].to = peer.Edges.Agent.Name
			}
		}
		wrote, err := c.ToolCall.Query().Where(toolcall.RunID(id), toolcall.StateEQ(enum.ToolCallDone)).Order(ent.Asc(toolcall.FieldFinishedAt)).All(ctx)
		if err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for _, call := range wrote {
			tool, key := tools.Find(call.Name), call.Name+" "+plain(call.Input)
			if tool != nil && tools.Writes(tool) && !seen[key] && call.FinishedAt != nil {
				out = append(out, given{at: *call.FinishedAt, kind: mails, what: id, to: peer.Edges.Agent.Name, new: true})
			}
			seen[key] = true
		}
	}
	slices.SortStableFunc(out, func(a, b given) int { return a.at.Compare(b.at) })
	return out, nil
}
