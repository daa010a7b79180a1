package run

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/event"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
)

// say streams a piece of the agent's text; the first one makes the message.
func (e *Engine) say(ctx context.Context, l *lease, try *attempt, text string) error {
	if text == "" {
		return nil
	}
	if try.message == nil {
		faults.Point(faults.ModelFirstDelta)
		var begun *ent.Message
		err := e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			if err := e.fence(ctx, tx, l); err != nil {
				return err
			}
			begun, err = e.newMessage(ctx, tx, l, try.Server)
			return err
		})
		if err != nil {
			return fmt.Errorf("begin a message: %w", err) // if it is there all the same, recover ends it
		}
		try.message = begun
	}
	delta := stream.Delta{
		Handle: l.handle, RunID: l.run.ID, Epoch: l.epoch,
		MessageID: try.message.ID, Offset: try.offset, Text: text,
	}
	try.offset += stream.UTF16Len(text)
	if err := e.deltas.Append(ctx, delta); err != nil {
		return err
	}
	faults.Point(faults.ModelDelta)
	return nil
}

func (e *Engine) newMessage(ctx context.Context, tx *store.Tx, l *lease, server string) (*ent.Message, error) {
	c, err := tx.Ent.Conversation.UpdateOneID(l.run.ConversationID).AddNextPosition(1).Save(ctx)
	if err != nil {
		return nil, err
	}
	m, err := tx.Ent.Message.Create().
		SetConversationID(l.run.ConversationID).SetProjectID(l.run.ProjectID).SetRunID(l.run.ID).
		SetAgentID(l.run.AgentID).SetRole(enum.RoleAssistant).SetStatus(enum.MessageStreaming).
		SetPosition(c.NextPosition - 1).SetStep(l.run.Step).SetDemo(server == "demo").
		Save(ctx)
	if err != nil {
		return nil, err
	}
	e.log.Append(tx, l.handle, messageEvent(enum.EventMessageAdded, m))
	return m, nil
}

// complete writes down a whole answer: its text, what it used, the tool calls it
// plans. With it in the same transaction go the events, and the run's end if this
// answer is its last: nobody finds a run that has all it wanted and goes on.
func (e *Engine) complete(ctx context.Context, l *lease, try *attempt, response llm.Response) (ended bool, err error) {
	if try.message != nil {
		if err := e.deltas.Flush(ctx, l.run.ID); err != nil {
			return false, err
		}
	}
	what, why := verdict(response)
	ended = what != ""
	err = e.onBudget(ctx, try.account, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if ended { // before the call is settled, and it may be cancelled
			if err := HoldBelow(ctx, tx, l.run.ID); err != nil {
				return err
			}
		}
		m := try.message
		if m == nil {
			var err error
			if m, err = e.newMessage(ctx, tx, l, try.Server); err != nil {
				return err
			}
		}
		if err := e.closeMessage(ctx, tx, l, m.ID, enum.MessageComplete, response.Text, response.Carry); err != nil {
			return err
		}
		for i, call := range response.ToolCalls {
			err := tx.Ent.ToolCall.Create().
				SetProjectID(l.run.ProjectID).SetRunID(l.run.ID).SetMessageID(m.ID).SetPosition(i).
				SetCallID(call.ID).SetName(call.Name).SetInput(string(call.Input)).
				SetState(enum.ToolCallPlanned).Exec(ctx)
			if err != nil {
				return err
			}
		}
		err := tx.Ent.Run.UpdateOneID(l.run.ID).
			AddInputTokens(response.Usage.InputTokens + response.Usage.CacheReadTokens + response.Usage.CacheWriteTokens).
			AddOutputTokens(response.Usage.OutputTokens).Exec(ctx)
		if err != nil {
			return err
		}
		if err := e.settle(ctx, tx, l, try, try.success(l, response)); err != nil || !ended {
			return err
		}
		if gone, err := cancelAsked(ctx, tx, l); err != nil {
			return err
		} else if gone {
			return e.endBy(ctx, tx, l, cancelled, "")
		}
		return e.endBy(ctx, tx, l, what, why)
	})
	if err != nil {
		return false, err
	}
	faults.Point(faults.MessageCompleted)
	if ended {
		faults.Point(faults.RunFinished)
	}
	return ended, nil
}

// verdict says how an answer ends its run; empty: the run goes on with its tool calls.
func verdict(response llm.Response) (what happening, why string) {
	switch {
	case response.StopReason == llm.StopLength:
		return failed, "the model's answer was cut at its output limit"
	case response.StopReason == llm.StopRefusal:
		return failed, "the model's vendor refused to answer"
	case len(response.ToolCalls) == 0:
		return succeeded, ""
	}
	return "", ""
}

// interrupt records a try that failed, and ends its message with its text exactly as it
// was streamed.
func (e *Engine) interrupt(ctx context.Context, l *lease, try *attempt, rec usage.Record) error {
	if try.message != nil {
		if err := e.deltas.Flush(ctx, l.run.ID); err != nil {
			return err
		}
	}
	return e.onBudget(ctx, try.account, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if try.message != nil {
			if err := e.interruptMessage(ctx, tx, l, try.message.ID); err != nil {
				return err
			}
		}
		return e.settle(ctx, tx, l, try, rec)
	})
}

func (c *Control) interruptMessage(ctx context.Context, tx *store.Tx, l *lease, messageID string) error {
	text, err := streamedText(ctx, tx, l, messageID)
	if err != nil {
		return err
	}
	return c.closeMessage(ctx, tx, l, messageID, enum.MessageInterrupted, text, nil)
}

func (c *Control) closeMessage(ctx context.Context, tx *store.Tx, l *lease, id string, status enum.MessageStatus, text string, carry []byte) error {
	update := tx.Ent.Message.UpdateOneID(id).SetStatus(status).SetText(text).
		SetCompletedAt(store.Now())
	if len(carry) > 0 {
		update.SetCarry(carry)
	}
	m, err := update.Save(ctx)
	if err != nil {
		return err
	}
	c.log.Append(tx, l.handle, messageEvent(enum.EventMessageCompleted, m))
	return nil
}

func messageEvent(t enum.EventType, m *ent.Message) stream.Draft {
	by := &stream.Actor{AgentID: *m.AgentID}
	d := stream.Draft{Type: t, Payload: stream.MessagePayload{V: 1, Message: m, Actor: by}}
	if m.RunID != nil {
		d.RunID = *m.RunID
	}
	return d
}

// streamedText puts a message's text together from the log.
func streamedText(ctx context.Context, tx *store.Tx, l *lease, messageID string) (string, error) {
	events, err := tx.Ent.Event.Query().
		Where(event.StreamID(l.run.ProjectID), event.RunID(l.run.ID), event.RunIDNEQ(""), event.TypeEQ(enum.EventMessageDelta)). // as its index says
		Order(ent.Asc(event.FieldSeq)).All(ctx)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, ev := range events {
		var p stream.DeltaPayload
		if err := json.Unmarshal(ev.Payload, &p); err != nil {
			return "", fmt.Errorf("delta %d: %w", ev.Seq, err)
		}
		if p.MessageID == messageID {
			text.WriteString(p.Text)
		}
	}
	return text.String(), nil
}

// said is the transcript for the next call of the model, who sees from this step on
// what was said to the run while it worked. A worker that was stopped and taken over
// gets none: the conversation may be further than its run.
func (e *Engine) said(ctx context.Context, l *lease) (messages []llm.Message, asked int, err error) {
	err = e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		n, err := tx.Ent.Run.Update().Where(run.ID(l.run.ID), run.SteerRequested(true)).SetSteerRequested(false).Save(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := tx.Ent.Message.Update().Where(unseen(l.run)).SetSeenStep(l.run.Step).Exec(ctx); err != nil {
				return err
			}
		}
		return e.takeMail(ctx, tx, l)
	})
	if err != nil {
		return nil, 0, err
	}
	// It is long, and others wait for a transaction to end.
	if messages, asked, err = transcript(ctx, e.db.Ent, l.run); err != nil {
		return nil, 0, err
	}
	return messages, asked, e.owns(ctx, l)
}

// recover ends the messages that a former worker left streaming, and settles its calls
// of models.
func (e *Engine) recover(ctx context.Context, l *lease) error {
	streaming, err := e.db.Ent.Message.Query().
		Where(message.RunID(l.run.ID), message.StatusEQ(enum.MessageStreaming)).Exist(ctx)
	if err != nil {
		return err
	}
	calling, err := e.ledger.Open(ctx, e.db.Ent, l.run.ID)
	if err != nil || !streaming && !calling {
		return err
	}
	return e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		if err := e.interruptMessages(ctx, tx, l); err != nil {
			return err
		}
		return e.abandonCalls(ctx, tx, l)
	})
}

func (c *Control) interruptMessages(ctx context.Context, tx *store.Tx, l *lease) error {
	ids, err := tx.Ent.Message.Query().
		Where(message.RunID(l.run.ID), message.StatusEQ(enum.MessageStreaming)).IDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := c.interruptMessage(ctx, tx, l, id); err != nil {
			return err
		}
	}
	return nil
}

// interruptLeftovers ends what a run that ends now has left open.
func (c *Control) interruptLeftovers(ctx context.Context, tx *store.Tx, l *lease) error {
	if err := c.interruptMessages(ctx, tx, l); err != nil {
		return err
	}
	if err := c.voidQuestions(ctx, tx, l); err != nil {
		return err
	}
	calls, err := tx.Ent.ToolCall.Query().
		Where(toolcall.RunID(l.run.ID), toolcall.StateIn(enum.ToolCallPlanned, enum.ToolCallRunning, enum.ToolCallWaiting)).All(ctx)
	if err != nil {
		return err
	}
	for _, call := range calls {
		if err := c.closeCall(ctx, tx, l, call.ID, enum.ToolCallInterrupted, "interrupted: the run ended before this was done"); err != nil {
			return err
		}
	}
	if err := permission.Cancel(ctx, tx, c.log, l.run.ID); err != nil {
		return err
	}
	return c.abandonCalls(ctx, tx, l)
}
