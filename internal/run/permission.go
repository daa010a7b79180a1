package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/permission"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/workspace"
)

// Permissions is what agents may do, and where people are asked.
type Permissions interface {
	Judge(ctx context.Context, c *ent.Client, r *ent.Run, call policy.Call) (policy.Decision, error)
	Ask(ctx context.Context, tx *store.Tx, handle access.StreamHandle, q permission.Question) error
	Expire(ctx context.Context, waiting permission.Waiting) error
}

// Moved says that somebody else changed the run meanwhile: the transaction can be done again.
func (c *Control) Moved(err error) bool {
	return errors.Is(err, ErrMoved) || ent.IsConstraintError(err)
}

// permit decides about a call before it is begun. settled: it is closed, since it is
// denied. errParked: people are asked, and the run waits for them.
func (e *Engine) permit(ctx context.Context, l *lease, planned *ent.ToolCall, tool tools.Tool) (settled bool, err error) {
	if e.permissions == nil || tool == nil {
		return false, nil
	}
	call := tools.CallOf(tool, planned.ID, json.RawMessage(planned.Input))
	d, err := e.permissions.Judge(ctx, e.db.Ent, l.run, call)
	if err != nil {
		return false, fmt.Errorf("decide about call %s: %w", planned.ID, err)
	}
	switch d.Outcome {
	case policy.Allow:
		return false, nil
	case policy.Deny:
		return true, e.settleCall(ctx, l, planned, enum.ToolCallFailed, refused(d))
	}
	shown, err := e.shown(ctx, l, planned, tool)
	if p := problem.As(err); p != nil {
		return true, e.settleCall(ctx, l, planned, enum.ToolCallFailed, say(p)) // it would do nothing: nobody need be asked
	}
	if err != nil {
		return false, err
	}
	err = e.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.fence(ctx, tx, l); err != nil {
			return err
		}
		// Asked with the run's row held: rules and answers may have changed meanwhile.
		again, err := e.permissions.Judge(ctx, tx.Ent, l.run, call)
		if err != nil {
			return err
		}
		if again.Outcome != policy.Ask {
			return errJudgedAnew
		}
		if err := e.permissions.Ask(ctx, tx, l.handle, permission.Question{Run: l.run, Call: call, Decision: again, Shown: shown}); err != nil {
			return err
		}
		return e.wait(ctx, tx, l, planned, enum.RunWaitingForApproval, "waits until a person allows it: "+again.Words())
	})
	switch {
	case errors.Is(err, errJudgedAnew):
		return e.permit(ctx, l, planned, tool)
	case err != nil:
		return false, fmt.Errorf("ask about call %s: %w", planned.ID, err)
	}
	return false, errParked
}

var errJudgedAnew = errors.New("what may be done has changed")

// refused tells a model why a call was not made, and what it can do.
func refused(d policy.Decision) string {
	text := "not allowed by " + d.Words() + "."
	if d.Agent != "" {
		text += " It binds the " + d.Agent + " and whoever works for it."
	}
	return text + " It won't be allowed in another way either: do without it, or say what you need, so that a person can change the rule or do it."
}

// shown is what people see of a call: the exact command, or the diff of what it would
// change.
func (e *Engine) shown(ctx context.Context, l *lease, call *ent.ToolCall, tool tools.Tool) (string, error) {
	text := tools.Shown(tool, json.RawMessage(call.Input))
	if !tools.Writes(tool) || tools.EffectOf(tool) != tools.Changes {
		return clip(text, maxOutput), nil
	}
	person := access.WithViewer(ctx, access.Viewer{UserID: l.run.UserID})
	outcome, err := tool.Run(person, tools.Env{
		Files: e.workspace, Commands: e.commands, Console: e.console, ProjectID: l.run.ProjectID, RunID: l.run.ID,
		Branch: branchOf(l.run), CallID: call.ID,
	}, json.RawMessage(call.Input))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, change := range outcome.Changes {
		before := ""
		f, err := e.workspace.File(person, l.run.ProjectID, change.Path, l.run.Branch)
		switch {
		case problem.Is(err, problem.NotFound):
		case err != nil:
			return "", err
		case f.Text != nil:
			before = *f.Text
		}
		after := ""
		if change.Content != nil {
			after = *change.Content
		}
		b.WriteString(workspace.PatchOf(change.Path, before, after))
	}
	if b.Len() == 0 {
		return clip(text, maxOutput), nil
	}
	return clip(b.String(), maxOutput), nil
}
