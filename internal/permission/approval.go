package permission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/approval"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/relay"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	defaultRemembered = 30 * 24 * time.Hour  // of an approval for the project
	longestRemembered = 366 * 24 * time.Hour // from when it is given
	maxComment        = 2000                 // characters
	maxRaces          = 10
	expiryBatch       = 100
)

// Question is what people are asked.
type Question struct {
	Run      *ent.Run
	Call     policy.Call
	Decision policy.Decision
	// Shown is the exact command, or the diff.
	Shown string
}

// Ask records a question about a call that waits from here on, as a part of tx.
func (s *Service) Ask(ctx context.Context, tx *store.Tx, handle access.StreamHandle, q Question) error {
	reasons := slices.Clone(q.Call.Concerns)
	if q.Decision.Agent != "" && q.Decision.Layer == policy.Role {
		reasons = append(reasons, "it is asked of "+q.Decision.Agent)
	}
	a, err := tx.Ent.Approval.Create().SetProjectID(q.Run.ProjectID).SetRunID(q.Run.ID).SetToolCallID(q.Call.ID).SetAgentID(q.Run.AgentID).
		SetClass(gravest(q.Call)).SetRisk(enum.Risk(q.Decision.Risk)).SetTool(q.Call.Tool).SetShown(q.Shown).
		SetRule(q.Decision.Words()).SetReason(strings.Join(reasons, "; ")).SetSubject(q.Call.Key()).
		SetExpiresAt(store.Now().Add(s.Expiry)).SetState(enum.ApprovalPending).Save(ctx)
	if err != nil {
		return fmt.Errorf("ask about call %s: %w", q.Call.ID, err)
	}
	s.Log.Append(tx, handle, Event(enum.EventApprovalRequested, a, stream.Actor{AgentID: q.Run.AgentID}))
	return nil
}

func gravest(c policy.Call) enum.CallClass {
	worst := policy.Read
	for _, class := range policy.Classes() {
		if c.Is(class) {
			worst = class
		}
	}
	return enum.CallClass(worst)
}

// Event tells of a question or of its answer.
func Event(t enum.EventType, a *ent.Approval, by stream.Actor) stream.Draft {
	return stream.Draft{Type: t, RunID: a.RunID, Payload: stream.ApprovalPayload{V: 1, Approval: a, Actor: &by}}
}

// Waiting is where calls wait.
type Waiting interface {
	Answer(ctx context.Context, tx *store.Tx, callID string, state enum.ToolCallState, text string, by stream.Actor) (bool, error)
	Release(ctx context.Context, tx *store.Tx, callID string, by stream.Actor) (bool, error)
	// Moved says that somebody else was faster, and the transaction is to be done again.
	Moved(err error) bool
}

// Resolution is a person's answer.
type Resolution struct {
	ApprovalID string
	Decision   enum.ApprovalDecision
	// Remember is how far an approval reaches; "" is once. A denial is about its call
	// alone.
	Remember enum.ApprovalScope
	// Until is when an approval for the project ends; nil: in 30 days.
	Until   *time.Time
	Comment string
}

// approver is the role in its project that it takes to approve. What destroys something, and
// what holds as long as a rule of the project's, is for its owners.
func approver(risk enum.Risk, reach enum.ApprovalScope) enum.ProjectRole {
	if risk == enum.RiskHigh || reach == enum.ApprovedProject {
		return enum.ProjectOwner
	}
	return enum.ProjectEditor
}

// Resolve answers a question for the viewer, who needs the role EDITOR, and what approver
// says to approve. The first answer
// counts: the same again returns the same, another is a CONFLICT that says who was first.
func (s *Service) Resolve(ctx context.Context, waiting Waiting, in Resolution) (a *ent.Approval, err error) {
	viewer, err := access.RequireViewer(ctx)
	if err != nil {
		return nil, err
	}
	for range maxRaces {
		err = s.DB.InTx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			a, err = s.resolve(ctx, tx, waiting, viewer, in)
			return err
		})
		if err == nil || !waiting.Moved(err) {
			break
		}
	}
	return a, err
}

var errAnswered = errors.New("somebody else has answered")

func (s *Service) resolve(ctx context.Context, tx *store.Tx, waiting Waiting, viewer *access.Viewer, in Resolution) (*ent.Approval, error) {
	a, err := find(ctx, tx.Ent, in.ApprovalID)
	if err != nil {
		return nil, err
	}
	if err := access.RequireRole(ctx, tx.Ent, a.ProjectID, enum.ProjectEditor); err != nil {
		return nil, err
	}
	if viewer.Agent != "" {
		return nil, problem.New(problem.Forbidden, "an agent can't approve what agents ask: a person has to")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if a.State != enum.ApprovalPending {
		return settled(ctx, tx.Ent, a, in)
	}
	if in.Decision == enum.Approve {
		if err := access.RequireRole(ctx, tx.Ent, a.ProjectID, approver(a.Risk, in.Remember)); err != nil {
			return nil, err
		}
	}
	now := store.Now()
	if !now.Before(a.ExpiresAt) {
		return nil, problem.New(problem.Conflict, "nobody answered until %s, so the call is denied", a.ExpiresAt.Format(time.RFC3339))
	}
	by := stream.Actor{UserID: viewer.UserID}
	engine := access.As(ctx, access.Engine)
	update := tx.Ent.Approval.Update().Where(approval.ID(a.ID), approval.StateEQ(enum.ApprovalPending)).
		SetDecidedByID(viewer.UserID).SetDecidedAt(now).SetComment(in.Comment)
	if in.Decision == enum.Approve {
		update.SetState(enum.ApprovalApproved).SetRemember(in.Remember)
		if in.Remember == enum.ApprovedProject {
			update.SetUntil(*in.Until)
		}
	} else {
		update.SetState(enum.ApprovalDenied)
	}
	// The run's row comes first, as with all its writers.
	var open bool
	if in.Decision == enum.Approve {
		open, err = waiting.Release(ctx, tx, a.ToolCallID, by)
	} else {
		open, err = waiting.Answer(ctx, tx, a.ToolCallID, enum.ToolCallFailed, refusal(a, in.Comment), by)
	}
	if err != nil {
		return nil, err
	}
	n, err := update.Save(engine)
	if err != nil {
		return nil, err
	}
	if !open || n == 0 {
		if a, err = tx.Ent.Approval.Get(ctx, a.ID); err == nil && a.State != enum.ApprovalPending {
			return settled(ctx, tx.Ent, a, in)
		}
		return nil, errors.Join(err, problem.New(problem.Conflict, "the run doesn't wait for this any more"))
	}
	if a, err = tx.Ent.Approval.Get(ctx, a.ID); err != nil {
		return nil, err
	}
	handle, err := access.StreamWriter(ctx, tx.Ent, a.ProjectID)
	if err != nil {
		return nil, err
	}
	s.Log.Append(tx, handle, Event(enum.EventApprovalResolved, a, by))
	return a, nil
}

func (in *Resolution) check() error {
	if utf8.RuneCountInString(in.Comment) > maxComment {
		return problem.BadField("comment", "a comment has at most %d characters", maxComment)
	}
	if in.Remember == "" {
		in.Remember = enum.ApprovedOnce
	}
	if in.Remember != enum.ApprovedProject || in.Decision != enum.Approve {
		if in.Until != nil {
			return problem.BadField("until", "only an approval for the project has an end: leave until out, or set remember to PROJECT")
		}
		return nil
	}
	now := store.Now()
	if in.Until == nil {
		until := now.Add(defaultRemembered)
		in.Until = &until
	}
	if !in.Until.After(now) || in.Until.After(now.Add(longestRemembered)) {
		return problem.BadField("until", "an approval for the project ends within a year, and not before now")
	}
	return nil
}

// settled is what comes of an answer to what was answered: the same is the same.
func settled(ctx context.Context, c *ent.Client, a *ent.Approval, in Resolution) (*ent.Approval, error) {
	same := a.State == enum.ApprovalApproved && in.Decision == enum.Approve && a.Remember == in.Remember ||
		a.State == enum.ApprovalDenied && in.Decision == enum.Refuse
	if same {
		return a, nil
	}
	return nil, problem.New(problem.Conflict, "%s", Outcome(ctx, c, a))
}

// Outcome says in words how a question was answered, and by whom as far as the viewer
// knows them.
func Outcome(ctx context.Context, c *ent.Client, a *ent.Approval) string {
	who := "somebody"
	if a.DecidedByID != nil {
		if u, err := c.User.Get(ctx, *a.DecidedByID); err == nil {
			who = u.Name
		}
	}
	switch a.State {
	case enum.ApprovalApproved:
		return "it was approved already, by " + who
	case enum.ApprovalDenied:
		return "it was denied already, by " + who
	case enum.ApprovalExpired:
		return "nobody answered in time, so it was denied"
	case enum.ApprovalCancelled:
		return "its run has ended"
	}
	return "it waits for an answer"
}

func refusal(a *ent.Approval, comment string) string {
	text := "A person has denied this call. They were asked because of " + a.Rule + ". Don't try to reach the same in another way: do without it, or say what you need and why."
	if comment != "" {
		text += " They say: " + comment
	}
	return text
}

func find(ctx context.Context, c *ent.Client, id string) (*ent.Approval, error) {
	if relay.IDPrefix(id) == "" {
		return nil, problem.Missing("approvalId", "approval")
	}
	a, err := c.Approval.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, problem.Missing("approvalId", "approval")
	}
	return a, err
}
