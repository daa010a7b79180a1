package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/conversation"
	"github.com/zeblit/zeblit/ent/enum"
	entmerge "github.com/zeblit/zeblit/ent/merge"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/merge"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// begin starts a run for the task, in the task's own conversation: the first on a new
// branch, a later one on the branch of the one before as long as that is not merged. l is
// nil for a task without a plan.
func (s *Service) begin(ctx context.Context, tx *store.Tx, l *look, t *ent.Task, wrong string) (*ent.Task, error) {
	order := run.Order{ProjectID: t.ProjectID, AgentID: t.AgentID, TaskID: t.ID, OwnBranch: true}
	var before *ent.Run
	var err error
	if t.RunID != "" {
		if before, err = tx.Ent.Run.Get(ctx, t.RunID); err != nil {
			return nil, err
		}
	}
	by := stream.Actor{}
	if l != nil {
		order.Parent, order.UserID, order.Model = l.run, l.plan.UserID, l.run.Model
		by.AgentID = l.run.AgentID
	} else {
		order.UserID = starter(ctx, t, before)
		by.UserID = order.UserID
	}
	if before != nil {
		merged, err := tx.Ent.Merge.Query().Where(entmerge.RunID(before.ID), entmerge.StateEQ(enum.MergeMerged)).Exist(ctx)
		if err != nil {
			return nil, err
		}
		if !merged && before.Branch != "" {
			order.OwnBranch, order.Branch = false, before.Branch
		}
	}
	brief, err := s.brief(ctx, tx.Ent, l, t, wrong)
	if err != nil {
		return nil, err
	}
	r, m, err := s.speak(ctx, tx, t, order, brief)
	if err != nil {
		return nil, err
	}
	update := tx.Ent.Task.UpdateOneID(t.ID).SetState(enum.TaskInProgress).SetRunID(r.ID).SetConversationID(m.ConversationID).
		AddAttempts(1).SetProblem(wrong).ClearFinishedAt().SetUpdatedAt(store.Now())
	if t.StartedAt == nil {
		update.SetStartedAt(store.Now())
	}
	if t, err = update.Save(ctx); err != nil {
		return nil, err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, t.ProjectID)
	if err != nil {
		return nil, err
	}
	s.log.Append(tx, handle,
		stream.Draft{Type: enum.EventMessageAdded, RunID: r.ID, Payload: stream.MessagePayload{V: 1, Message: m, Actor: &by}},
		stream.Draft{Type: enum.EventRunStateChanged, RunID: r.ID, Payload: stream.RunPayload{V: 1, Run: r, Actor: &by}})
	return t, s.tellTask(ctx, tx, t, by)
}

// starter is the person with whose rights a task without a plan is worked on: who begins it
// now, else who began it last, since its author may have left.
func starter(ctx context.Context, t *ent.Task, before *ent.Run) string {
	switch v := access.ViewerFrom(ctx); {
	case v != nil:
		return v.UserID
	case before != nil:
		return before.UserID
	case t.AuthorID != nil:
		return *t.AuthorID
	}
	return ""
}

// speak says text to the task's agent, in the task's conversation, and starts its run.
func (s *Service) speak(ctx context.Context, tx *store.Tx, t *ent.Task, order run.Order, text string) (*ent.Run, *ent.Message, error) {
	if t.ConversationID != "" {
		there, err := tx.Ent.Conversation.Query().Where(conversation.ID(t.ConversationID), conversation.DeletedAtIsNil()).Exist(ctx)
		if err != nil {
			return nil, nil, err
		}
		if !there { // people have deleted it
			t.ConversationID = ""
		}
	}
	if t.ConversationID == "" {
		create := tx.Ent.Conversation.Create().SetProjectID(t.ProjectID).SetTitle(t.Title).SetKind(enum.ConversationTask).SetTaskID(t.ID)
		if order.Parent != nil { // what people say there later is of the same fork
			base, err := run.Base(ctx, tx.Ent, order.Parent)
			if err != nil {
				return nil, nil, err
			}
			create.SetBranch(base)
		}
		c, err := create.Save(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("begin the conversation of task %s: %w", t.ID, err)
		}
		t.ConversationID = c.ID
	}
	c, err := tx.Ent.Conversation.UpdateOneID(t.ConversationID).AddNextPosition(1).SetUpdatedAt(store.Now()).Save(ctx)
	if err != nil {
		return nil, nil, err
	}
	order.ConversationID, order.MessageID = c.ID, relay.NewID("msg")
	r, err := s.runs.Start(ctx, tx, order)
	if err != nil {
		return nil, nil, err
	}
	create := tx.Ent.Message.Create().SetID(order.MessageID).SetConversationID(c.ID).SetProjectID(t.ProjectID).SetRunID(r.ID).
		SetRole(enum.RoleUser).SetStatus(enum.MessageComplete).SetText(text).SetPosition(c.NextPosition - 1).SetCompletedAt(store.Now())
	if order.Parent != nil {
		create.SetAgentID(order.Parent.AgentID)
	} else {
		create.SetAuthorID(order.UserID)
	}
	m, err := create.Save(ctx)
	return r, m, err
}

// hasMoved says whether a task under way has come to something. What would begin another
// try of it waits where nothing is to begin.
func (s *Service) hasMoved(ctx context.Context, c *ent.Client, t *ent.Task, held bool) (bool, error) {
	r, err := c.Run.Query().Where(entrun.ID(t.RunID)).Only(ctx)
	if err != nil {
		return false, err
	}
	if t.State == enum.TaskInProgress {
		if !held || !r.State.Ended() || t.Attempts >= maxAttempts {
			return r.State.Ended(), nil
		}
		if r.State != enum.RunSucceeded {
			return r.State == enum.RunCancelled, nil
		}
		open, err := openCriteria(ctx, c, t.ID)
		return len(open) == 0, err
	}
	m, err := lastMerge(ctx, c, r)
	if err != nil || m == nil {
		return m == nil, err
	}
	return m.State.Ended() || m.State == enum.MergeConflicted, nil
}

func lastMerge(ctx context.Context, c *ent.Client, r *ent.Run) (*ent.Merge, error) {
	m, err := c.Merge.Query().Where(entmerge.ProjectID(r.ProjectID), entmerge.Source(r.Branch)).Order(ent.Desc(entmerge.FieldID)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return m, err
}

// settle moves a task on whose run or merge has come to something.
func (s *Service) settle(ctx context.Context, tx *store.Tx, l *look, t *ent.Task) (*ent.Task, error) {
	r, err := tx.Ent.Run.Get(ctx, t.RunID)
	if err != nil {
		return nil, err
	}
	by := stream.Actor{AgentID: r.AgentID}
	if t.State == enum.TaskMerging {
		return s.settleMerge(ctx, tx, l, t, r, by)
	}
	switch r.State {
	case enum.RunCancelled:
		t, err := s.end(ctx, tx, t, enum.TaskCancelled, cancelledBecause(r))
		if err != nil {
			return nil, err
		}
		return t, s.tellTask(ctx, tx, t, by)
	case enum.RunFailed:
		return s.tryAgain(ctx, tx, l, t, "the last try failed: "+r.Error, by)
	}
	said, err := lastAnswer(ctx, tx.Ent, r)
	if err != nil {
		return nil, err
	}
	if t, err = tx.Ent.Task.UpdateOneID(t.ID).SetResult(said).Save(ctx); err != nil {
		return nil, err
	}
	open, err := openCriteria(ctx, tx.Ent, t.ID)
	if err != nil {
		return nil, err
	}
	if len(open) > 0 {
		return s.tryAgain(ctx, tx, l, t, "not shown yet: "+strings.Join(open, "; "), by)
	}
	return s.merge(ctx, tx, l, t, r, by)
}

func cancelledBecause(r *ent.Run) string {
	if r.Error != "" {
		return r.Error
	}
	return "its run was cancelled"
}

// merge queues the task's branch.
func (s *Service) merge(ctx context.Context, tx *store.Tx, l *look, t *ent.Task, r *ent.Run, by stream.Actor) (*ent.Task, error) {
	if r.Branch == "" {
		return s.complete(ctx, tx, t, by)
	}
	base, err := run.Base(ctx, tx.Ent, r)
	if err != nil {
		return nil, err
	}
	_, err = s.merges.Enqueue(ctx, tx, merge.Order{
		ProjectID: r.ProjectID, Source: r.Branch, Target: base, Message: "Merge the work on: " + t.Title, UserID: r.UserID, AgentID: r.AgentID, RunID: r.ID,
	})
	if err != nil && !problem.Is(err, problem.Conflict) {
		return nil, err
	}
	if t, err = tx.Ent.Task.UpdateOneID(t.ID).SetState(enum.TaskMerging).SetProblem("").SetUpdatedAt(store.Now()).Save(ctx); err != nil {
		return nil, err
	}
	return t, s.tellTask(ctx, tx, t, by)
}

func (s *Service) settleMerge(ctx context.Context, tx *store.Tx, l *look, t *ent.Task, r *ent.Run, by stream.Actor) (*ent.Task, error) {
	m, err := lastMerge(ctx, tx.Ent, r)
	if err != nil {
		return nil, err
	}
	switch {
	case m == nil || m.State == enum.MergeCancelled:
		return s.blocked(ctx, tx, t, "its branch "+r.Branch+" is not merged: its merge was cancelled", by)
	case m.State == enum.MergeMerged:
		return s.complete(ctx, tx, t, by)
	case m.State == enum.MergeFailed:
		return s.blocked(ctx, tx, t, "its branch "+r.Branch+" could not be merged: "+m.Error, by)
	}
	conflicts, err := merge.Conflicts(m)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, c := range conflicts {
		paths = append(paths, c.Path)
	}
	return s.blocked(ctx, tx, t, "merging its branch "+r.Branch+" needs a decision: others have changed "+strings.Join(paths, ", ")+" too", by)
}

func (s *Service) complete(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Task, error) {
	t, err := s.end(ctx, tx, t, enum.TaskCompleted, "")
	if err != nil {
		return nil, err
	}
	return t, s.tellTask(ctx, tx, t, by)
}

func (s *Service) blocked(ctx context.Context, tx *store.Tx, t *ent.Task, why string, by stream.Actor) (*ent.Task, error) {
	t, err := tx.Ent.Task.UpdateOneID(t.ID).SetState(enum.TaskBlocked).SetProblem(why).SetUpdatedAt(store.Now()).Save(ctx)
	if err != nil {
		return nil, err
	}
	return t, s.tellTask(ctx, tx, t, by)
}

// tryAgain begins the task once more, with what went wrong; after the last time it has
// failed. Where the manager has asked others meanwhile it waits for room.
func (s *Service) tryAgain(ctx context.Context, tx *store.Tx, l *look, t *ent.Task, wrong string, by stream.Actor) (*ent.Task, error) {
	if t.Attempts < maxAttempts {
		if l != nil && l.room() < 0 {
			return t, nil
		}
		return s.begin(ctx, tx, l, t, wrong)
	}
	t, err := s.end(ctx, tx, t, enum.TaskFailed, fmt.Sprintf("after %d tries, %s", t.Attempts, wrong))
	if err != nil {
		return nil, err
	}
	return t, s.tellTask(ctx, tx, t, by)
}

func (s *Service) end(ctx context.Context, tx *store.Tx, t *ent.Task, state enum.TaskState, why string) (*ent.Task, error) {
	return tx.Ent.Task.UpdateOneID(t.ID).SetState(state).SetProblem(why).SetFinishedAt(store.Now()).SetUpdatedAt(store.Now()).Save(ctx)
}

// cancelTask ends a task, its run, and the merge of its branch. One whose branch is merged by
// then is completed instead.
func (s *Service) cancelTask(ctx context.Context, tx *store.Tx, t *ent.Task, why string, by stream.Actor) (*ent.Task, error) {
	if t.RunID != "" {
		if err := s.runs.CancelIn(ctx, tx, t.RunID, by); err != nil {
			return nil, err
		}
		m, err := s.cancelMerge(ctx, tx, t, by)
		if err != nil {
			return nil, err
		}
		if t.State == enum.TaskMerging && m != nil && m.State == enum.MergeMerged {
			return s.end(ctx, tx, t, enum.TaskCompleted, "")
		}
	}
	return s.end(ctx, tx, t, enum.TaskCancelled, why)
}

// cancelMerge ends the last merge of the task's branch, unless it has ended, and returns it;
// nil: there is none.
func (s *Service) cancelMerge(ctx context.Context, tx *store.Tx, t *ent.Task, by stream.Actor) (*ent.Merge, error) {
	r, err := tx.Ent.Run.Get(ctx, t.RunID)
	if err != nil || r.Branch == "" {
		return nil, err
	}
	m, err := lastMerge(ctx, tx.Ent, r)
	if err != nil || m == nil {
		return nil, err
	}
	return s.merges.CancelIn(ctx, tx, m.ID, by)
}
