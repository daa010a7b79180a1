package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/criterion"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/policy"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// What a task has shown, it has shown on its own branch. Before the manager is told that
// all is done it is looked at once more with the files of main, or of the fork in which the
// work was asked for, to which others have contributed since: commands run again, one after
// the other, on a branch that is deleted afterwards, and files are to be as they were. What
// doesn't hold any more is STALE.

// recheck makes the next move of that, and says whether nothing is left to look at.
func (s *Service) recheck(ctx context.Context, tx *store.Tx, l *look) (done bool, err error) {
	if l.plan.CheckTree == "" {
		if err := s.beginCheck(ctx, tx, l); err != nil || l.plan.CheckTree == "" {
			return err == nil, err
		}
	}
	left, err := s.unchecked(ctx, tx.Ent, l, l.plan.CheckTree)
	if err != nil {
		return false, err
	}
	for len(left) > 0 {
		over, err := s.checkOne(ctx, tx, l, left)
		if err != nil || !over {
			return false, err
		}
		if left, err = s.unchecked(ctx, tx.Ent, l, l.plan.CheckTree); err != nil {
			return false, err
		}
	}
	return true, s.endCheck(ctx, tx, l)
}

// beginCheck begins with main as it is, if there is anything that was not shown with it.
func (s *Service) beginCheck(ctx context.Context, tx *store.Tx, l *look) error {
	tree, err := s.files.TreeOfTx(ctx, tx, l.plan.ProjectID, l.base)
	if err != nil {
		return err
	}
	left, err := s.unchecked(ctx, tx.Ent, l, tree)
	if err != nil || len(left) == 0 || tree == "" {
		return err
	}
	l.plan, err = tx.Ent.Plan.UpdateOneID(l.plan.ID).SetCheckTree(tree).Save(ctx)
	return err
}

func (s *Service) endCheck(ctx context.Context, tx *store.Tx, l *look) (err error) {
	_, err = s.files.DeleteBranchTx(ctx, tx, checkBranch(l.plan), stream.Actor{AgentID: l.run.AgentID})
	if err != nil && !problem.Is(err, problem.NotFound) { // nothing had to be run
		return err
	}
	l.plan, err = tx.Ent.Plan.UpdateOneID(l.plan.ID).SetCheckTree("").Save(ctx)
	return err
}

// checkBranch is where commands run again.
func checkBranch(p *ent.Plan) workspace.Branch {
	return workspace.Branch{ProjectID: p.ProjectID, Name: workspace.RecheckBranch(p.ID + "-" + p.CheckTree[:min(12, len(p.CheckTree))])}
}

// unchecked are the criteria of completed tasks that count as shown, or did, and were not
// looked at with tree.
func (s *Service) unchecked(ctx context.Context, c *ent.Client, l *look, tree string) ([]*ent.Criterion, error) {
	all, err := criteriaOf(ctx, c, ids(l.tasks)...)
	if err != nil {
		return nil, err
	}
	var out []*ent.Criterion
	for _, t := range l.tasks {
		for _, one := range all[t.ID] {
			shown := one.State == enum.CriterionMet || one.State == enum.CriterionStale
			if t.State == enum.TaskCompleted && shown && (one.CommandID != "" || len(one.Files) > 0) && one.Tree != tree && one.CheckedTree != tree {
				out = append(out, one)
			}
		}
	}
	return out, nil
}

// checkOne looks at the first of left, and says whether that is over: a command takes its
// time. Criteria that the same command shows are looked at together.
func (s *Service) checkOne(ctx context.Context, tx *store.Tx, l *look, left []*ent.Criterion) (over bool, err error) {
	first := left[0]
	wrong, err := s.changedFile(ctx, tx, l, first)
	if err != nil || wrong != "" || first.CommandID == "" {
		return true, firstError(err, func() error { return s.checked(ctx, tx, l, wrong, first) })
	}
	ran, err := tx.Ent.Command.Query().Where(command.ID(first.CommandID)).Only(ctx)
	if ent.IsNotFound(err) {
		return true, s.checked(ctx, tx, l, "the command that showed it is not kept any more", first)
	}
	if err != nil {
		return false, err
	}
	same := []*ent.Criterion{first}
	for _, other := range left[1:] {
		if other.CommandID == first.CommandID && len(other.Files) == 0 {
			same = append(same, other)
		}
	}
	again, err := tx.Ent.Command.Query().Where(command.ID(first.CheckID), command.Branch(checkBranch(l.plan).Name)).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return s.runAgain(ctx, tx, l, ran, same)
	case err != nil || !again.State.Ended():
		return false, err
	case again.State == enum.CommandLost: // its server died, which says nothing of what it shows
		lost, err := tx.Ent.Command.Query().Where(command.ProjectID(l.plan.ProjectID), command.Branch(again.Branch), command.StateEQ(enum.CommandLost)).Count(ctx)
		if err != nil {
			return false, err
		}
		if lost < maxLost {
			return s.runAgain(ctx, tx, l, ran, same)
		}
	case again.State == enum.CommandExited && again.ExitCode != nil && *again.ExitCode == 0:
		return true, s.checked(ctx, tx, l, "", same...)
	}
	told, err := s.commands.ToldTx(ctx, tx, again, maxToldOfCheck)
	if err != nil {
		return false, err
	}
	return true, s.checked(ctx, tx, l, "on "+l.target()+", what showed it ends otherwise now: "+strings.TrimSpace(told), same...)
}

// maxLost is how many commands of one check may be lost with their servers before that
// counts as an end.
const maxLost = 10

// maxToldOfCheck is how much of a failed command's output is told, in bytes.
const maxToldOfCheck = 600

func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

// runAgain runs what showed the criteria once more, unless people would have to allow it: what
// they allowed, they allowed once, or in one run.
func (s *Service) runAgain(ctx context.Context, tx *store.Tx, l *look, ran *ent.Command, shown []*ent.Criterion) (over bool, err error) {
	allowed, err := s.mayRepeat(ctx, tx.Ent, ran)
	if err != nil {
		return false, err
	}
	if !allowed {
		return true, s.checked(ctx, tx, l, l.target()+" has changed since, and what showed it is not run again without being allowed again", shown...)
	}
	on := checkBranch(l.plan)
	if err := s.files.BeginTx(ctx, tx, on, workspace.Branch{ProjectID: l.plan.ProjectID, Name: l.base}, workspace.Author{AgentID: l.run.AgentID, RunID: l.run.ID}); err != nil {
		return false, err
	}
	again, err := s.commands.Again(ctx, tx, ran, on.Name)
	if err != nil {
		return false, err
	}
	return false, tx.Ent.Criterion.Update().Where(criterion.IDIn(idsOf(shown)...)).SetCheckID(again.ID).Exec(ctx)
}

// mayRepeat says whether the rules, as they are now, allow the call that ran a command.
func (s *Service) mayRepeat(ctx context.Context, c *ent.Client, ran *ent.Command) (bool, error) {
	if ran.ToolCallID == nil || s.rules == nil {
		return true, nil
	}
	call, err := c.ToolCall.Get(ctx, *ran.ToolCallID)
	if err != nil {
		return false, err
	}
	r, err := c.Run.Get(ctx, call.RunID)
	if err != nil {
		return false, err
	}
	tool := tools.Find(call.Name)
	if tool == nil {
		return false, nil
	}
	d, err := s.rules.JudgeAnew(ctx, c, r, tools.CallOf(tool, call.ID, json.RawMessage(call.Input)))
	if err != nil {
		return false, fmt.Errorf("decide about call %s once more: %w", call.ID, err)
	}
	return d.Outcome == policy.Allow, nil
}

func idsOf(criteria []*ent.Criterion) []string {
	out := make([]string, len(criteria))
	for i, c := range criteria {
		out[i] = c.ID
	}
	return out
}

// changedFile says which file that shows the criterion is not on main as it was.
func (s *Service) changedFile(ctx context.Context, tx *store.Tx, l *look, c *ent.Criterion) (string, error) {
	for path, revision := range c.Files {
		now, err := s.files.RevisionTx(ctx, tx, c.ProjectID, path, l.base)
		switch {
		case problem.Is(err, problem.NotFound):
			return path + " is not on " + l.target() + " any more", nil
		case err != nil:
			return "", err
		case now != revision:
			return path + " was changed after it showed this", nil
		}
	}
	return "", nil
}

// checked records what came of it.
func (s *Service) checked(ctx context.Context, tx *store.Tx, l *look, wrong string, criteria ...*ent.Criterion) error {
	state := enum.CriterionMet
	if wrong != "" {
		state = enum.CriterionStale
	}
	err := tx.Ent.Criterion.Update().Where(criterion.IDIn(idsOf(criteria)...)).
		SetState(state).SetProblem(clip(wrong, maxNote)).SetCheckedTree(l.plan.CheckTree).Exec(ctx)
	if err != nil {
		return fmt.Errorf("record a look at criteria: %w", err)
	}
	told := map[string]bool{}
	for _, c := range criteria {
		if t := l.task(c.TaskID); t != nil && !told[t.ID] {
			told[t.ID] = true
			if err := s.tellTask(ctx, tx, t, stream.Actor{AgentID: l.run.AgentID}); err != nil {
				return err
			}
		}
	}
	return nil
}

// checking says whether a command of the plan's check is under way.
func (s *Service) checking(ctx context.Context, c *ent.Client, p *ent.Plan) (bool, error) {
	if p.CheckTree == "" {
		return false, nil
	}
	return c.Command.Query().Where(command.ProjectID(p.ProjectID), command.Branch(checkBranch(p).Name),
		command.StateIn(enum.CommandQueued, enum.CommandRunning)).Exist(ctx)
}

// stale says whether any of a task's criteria is.
func stale(ctx context.Context, c *ent.Client, taskID string) (bool, error) {
	return c.Criterion.Query().Where(criterion.TaskID(taskID), criterion.StateEQ(enum.CriterionStale)).Exist(ctx)
}
