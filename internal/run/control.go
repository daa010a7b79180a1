package run

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/message"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/project"
	"github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/usage"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Control starts and ends runs within a transaction of the caller's, who has
// checked that the viewer may. Whatever worker holds a run is told by flags in its
// row, and at once when it is in this process.
type Control struct {
	log    *stream.Log
	queue  *Queue
	ledger *usage.Ledger
}

// NewControl makes a Control that asks for steps through queue.
func NewControl(log *stream.Log, queue *Queue) *Control {
	return &Control{log: log, queue: queue, ledger: usage.New(slog.New(slog.DiscardHandler))}
}

// Order says what a run is for.
type Order struct {
	ProjectID, ConversationID, AgentID, MessageID string
	// UserID is the person with whose rights the agent works.
	UserID string
	Model  string
	// Tier is route.Quick or route.Complex where such an answer was wished for; else empty.
	Tier string
	// Branch is where it works; "" is main. OwnBranch gives it one of its own instead,
	// which begins at main when the run does.
	Branch    string
	OwnBranch bool
	// First puts it ahead of the runs that wait in its conversation.
	First bool
	// Parent is the run whose agent gave the work; nil: a person did. It ends when that
	// is cancelled or fails.
	Parent *ent.Run
	// CallID is the call of the parent's that waits for the run's answer; "" is none.
	CallID string
	// TaskID is the task that it works on: its branch is merged by whoever moves the task
	// on; "" is none.
	TaskID string
	// RetriedFrom is the run that it tries again; nil: none.
	RetriedFrom *string
}

// Start makes a run, which waits for its turn, and asks for its first step. The
// caller announces it. PRECONDITION_FAILED: its parent may have none, or none more now.
func (c *Control) Start(ctx context.Context, tx *store.Tx, o Order) (*ent.Run, error) {
	var now int64
	if err := tx.SQL.QueryRowContext(ctx, "SELECT "+store.NowMillis(tx.Dialect)).Scan(&now); err != nil {
		return nil, fmt.Errorf("read the database's clock: %w", err)
	}
	if o.Parent != nil {
		if err := mayHave(ctx, tx, o.Parent); err != nil {
			return nil, err
		}
	}
	id := relay.NewID("run")
	if o.OwnBranch {
		o.Branch = workspace.RunBranch(id)
	}
	create := tx.Ent.Run.Create().SetID(id).SetBranch(o.Branch).SetProjectID(o.ProjectID).SetConversationID(o.ConversationID).
		SetAgentID(o.AgentID).SetUserID(o.UserID).SetMessageID(o.MessageID).SetModel(o.Model).SetTier(o.Tier).SetTaskID(o.TaskID).SetCallID(o.CallID).
		SetState(enum.RunQueued).SetNillableRetriedFromID(o.RetriedFrom).
		SetLeaseUntil(now + leaseTerm.Milliseconds()).
		SetDeadlineAt(now + c.queue.deadlines.of(enum.RunQueued).Milliseconds())
	if o.First {
		create.SetPriority(1)
	}
	if o.Parent != nil {
		create.SetParentID(o.Parent.ID).SetRootID(cmp.Or(o.Parent.RootID, o.Parent.ID)).SetDepth(o.Parent.Depth + 1)
	}
	r, err := create.Save(ctx)
	if err != nil {
		return nil, err
	}
	return r, c.queue.Enqueue(ctx, tx, r.ID)
}

// Steer marks the run: there is a message that its model is to see before its next
// answer. false: the run has ended. The row stays locked, so that the run can't end
// before the message is stored.
func (c *Control) Steer(ctx context.Context, tx *store.Tx, runID string) (bool, error) {
	n, err := tx.Ent.Run.Update().Where(run.ID(runID), unended()).SetSteerRequested(true).Save(ctx)
	if err != nil || n == 0 {
		return false, err
	}
	return true, c.interruptWait(access.As(ctx, access.Engine), tx, runID, "Somebody has said something to you")
}

// Interrupt cancels the conversation's run under way, or else the first of those that
// wait, and whatever an earlier Interrupt made way for. by is who did it.
func (c *Control) Interrupt(ctx context.Context, tx *store.Tx, conversationID string, by stream.Actor) error {
	ctx = access.As(ctx, access.Engine)
	all, err := tx.Ent.Run.Query().Where(run.ConversationID(conversationID), unended()).
		Order(run.ByPriority(sql.OrderDesc()), ent.Asc(run.FieldID)).All(ctx)
	if err != nil {
		return err
	}
	active := slices.ContainsFunc(all, func(r *ent.Run) bool { return r.State != enum.RunQueued })
	for i, r := range all {
		if r.State == enum.RunQueued && r.Priority == 0 && (active || i > 0) {
			continue
		}
		if _, err := c.cancel(ctx, tx, r, by); err != nil {
			return err
		}
	}
	return nil
}

// CancelAll cancels every run of a conversation that has not ended. by is who did it. The
// caller has checked who may.
func (c *Control) CancelAll(ctx context.Context, tx *store.Tx, conversationID string, by stream.Actor) error {
	ctx = access.As(ctx, access.Engine)
	all, err := tx.Ent.Run.Query().Where(run.ConversationID(conversationID), unended()).Order(ent.Asc(run.FieldID)).All(ctx)
	if err != nil {
		return fmt.Errorf("look for the runs of conversation %s: %w", conversationID, err)
	}
	for _, r := range all {
		if _, err := c.cancel(ctx, tx, r, by); err != nil {
			return err
		}
	}
	return nil
}

// Abandon ends the runs of a project that is being deleted, whoever has them: until the
// transaction ends nobody claims one or writes of one, and after its commit the workers
// are told and stop. Nothing is announced: the project's log ends with them.
//
// Afterwards the transaction has the project's row, so that nothing is added to the
// project until it ends.
func (c *Control) Abandon(ctx context.Context, tx *store.Tx, projectID string) error {
	ctx = access.As(ctx, access.Engine)
	// Whoever claims a run writes into the project's row first.
	if err := tx.Ent.Project.Update().Where(project.ID(projectID)).SetServedAt(time.Now().UnixMicro()).Exec(ctx); err != nil {
		return fmt.Errorf("keep the runs of project %s from being claimed: %w", projectID, err)
	}
	query := tx.Ent.Run.Query().Where(run.ProjectID(projectID), unended()).Order(ent.Asc(run.FieldID))
	if tx.Dialect == dialect.Postgres {
		query.ForUpdate() // as every writer of a run does, in their order
	}
	runs, err := query.All(ctx)
	if err != nil {
		return fmt.Errorf("hold the runs of project %s: %w", projectID, err)
	}
	// What they may have cost stays known to those who pay for it.
	if _, err := c.ledger.Abandon(ctx, tx, runs...); err != nil {
		return err
	}
	if tx.Dialect == dialect.Postgres {
		// Whoever adds to the project is waited for here: they have a share of its row.
		if _, err := tx.Ent.Project.Query().Where(project.ID(projectID)).ForUpdate().OnlyID(ctx); err != nil {
			return fmt.Errorf("lock project %s: %w", projectID, err)
		}
	}
	// Among them are those that others have added meanwhile. The owner of the lease stays:
	// by that a worker knows that nobody has taken its run.
	err = tx.Ent.Run.Update().Where(run.ProjectID(projectID), unended()).SetState(enum.RunCancelled).AddEpoch(1).
		SetLeaseUntil(0).SetStepUntil(0).SetDeadlineAt(0).SetFinishedAt(store.Now()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end the runs of project %s: %w", projectID, err)
	}
	tx.AfterCommit(func() {
		for _, r := range runs {
			c.queue.interrupt(r.ID, errGone)
		}
	})
	return nil
}

// unended holds for runs that have not ended, in the words of their index.
func unended() predicate.Run {
	return func(s *sql.Selector) {
		for _, state := range []enum.RunState{enum.RunSucceeded, enum.RunFailed, enum.RunCancelled} {
			s.Where(sql.ExprP(s.C(run.FieldState) + " <> '" + string(state) + "'"))
		}
	}
}

// cancel ends the run at once, or tells the worker that holds it.
func (c *Control) cancel(ctx context.Context, tx *store.Tx, r *ent.Run, by stream.Actor) (*ent.Run, error) {
	switch {
	case r.State.Ended() || r.CancelRequested && r.LeaseOwner != "":
		return r, nil
	case r.LeaseOwner != "":
		return c.request(ctx, tx, r, errCancelled, func(u *ent.RunUpdate) { u.SetCancelRequested(true) })
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, r.ProjectID)
	if err != nil {
		return nil, err
	}
	return c.end(ctx, tx, &lease{run: r, handle: handle}, cancelled, "", by)
}

// request leaves a flag for the worker that holds the run. In this process it hears
// of it when the transaction has committed.
func (c *Control) request(ctx context.Context, tx *store.Tx, r *ent.Run, cause error, flag func(*ent.RunUpdate)) (*ent.Run, error) {
	update := tx.Ent.Run.Update().Where(run.ID(r.ID), run.StateEQ(r.State), run.LeaseOwner(r.LeaseOwner))
	flag(update)
	switch n, err := update.Save(ctx); {
	case err != nil:
		return nil, err
	case n == 0:
		return nil, ErrMoved
	}
	if cause != nil {
		tx.AfterCommit(func() { c.queue.interrupt(r.ID, cause) })
	}
	return tx.Ent.Run.Get(ctx, r.ID)
}

// park makes the run PAUSED. What it was saying is cut off; its tool calls are made
// when it goes on.
func (c *Control) park(ctx context.Context, tx *store.Tx, l *lease, by stream.Actor, set ...func(*ent.RunUpdate)) (*ent.Run, error) {
	r, err := c.move(ctx, tx, l.run, paused, set...)
	if err != nil {
		return nil, err
	}
	if err := c.interruptMessages(ctx, tx, l); err != nil {
		return nil, err
	}
	if err := c.abandonCalls(ctx, tx, l); err != nil {
		return nil, err
	}
	c.log.Append(tx, l.handle, stateChanged(r, by))
	return r, nil
}

// end ends the run: what it has left open is closed, messages that came too late
// for it get runs of their own, and the next of its conversation gets its turn.
// Whoever cancels a run cancels what was said to it with it.
func (c *Control) end(ctx context.Context, tx *store.Tx, l *lease, what happening, why string, by stream.Actor) (*ent.Run, error) {
	// The run's row comes first: it is what all writers of a run wait for. Then those of
	// the runs that end with it.
	r, err := c.move(ctx, tx, l.run, what, func(u *ent.RunUpdate) { u.SetError(why) })
	if err != nil {
		return nil, err
	}
	if r.State != enum.RunSucceeded {
		if err := HoldBelow(ctx, tx, r.ID); err != nil {
			return nil, err
		}
	}
	if err := c.interruptLeftovers(ctx, tx, l); err != nil {
		return nil, err
	}
	c.log.Append(tx, l.handle, stateChanged(r, by))
	if r.CallID != "" {
		tx.AfterCommit(c.queue.ring)
	}
	if r.State != enum.RunSucceeded {
		if err := c.eachBelow(ctx, tx, r, by, c.cancel); err != nil {
			return nil, err
		}
	}
	if r.SteerRequested && r.State != enum.RunCancelled {
		if err := c.startUnseen(ctx, tx, l, r); err != nil {
			return nil, err
		}
	}
	return r, c.enqueueNext(ctx, tx, r.ConversationID)
}

// unseen are the messages that people sent to the run while it worked and that its model
// has not seen.
func unseen(r *ent.Run) predicate.Message {
	return message.And(message.RunID(r.ID), message.RoleEQ(enum.RoleUser), message.IDNEQ(r.MessageID), message.SeenStepIsNil(), message.SenderRunID(""))
}

func (c *Control) startUnseen(ctx context.Context, tx *store.Tx, l *lease, r *ent.Run) error {
	late, err := tx.Ent.Message.Query().Where(unseen(r)).Order(ent.Asc(message.FieldPosition)).All(ctx)
	if err != nil {
		return err
	}
	for _, m := range late {
		order := Order{
			ProjectID: r.ProjectID, ConversationID: r.ConversationID, AgentID: r.AgentID,
			MessageID: m.ID, UserID: r.UserID, Model: r.Model, Tier: r.Tier, Branch: r.Branch,
		}
		if m.AuthorID != nil {
			order.UserID = *m.AuthorID
		}
		own, err := c.Start(ctx, tx, order)
		if err != nil {
			return err
		}
		if err := tx.Ent.Message.UpdateOneID(m.ID).SetRunID(own.ID).Exec(ctx); err != nil {
			return err
		}
		c.log.Append(tx, l.handle, stateChanged(own, stream.Actor{UserID: order.UserID}))
	}
	return nil
}

func (c *Control) enqueueNext(ctx context.Context, tx *store.Tx, conversationID string) error {
	next, err := tx.Ent.Run.Query().
		Where(run.ConversationID(conversationID), run.StateEQ(enum.RunQueued)).
		Order(run.ByPriority(sql.OrderDesc()), ent.Asc(run.FieldID)).FirstID(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.queue.Enqueue(ctx, tx, next)
}
