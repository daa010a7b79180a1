package plan

import (
	"context"
	"fmt"
	"strings"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entplan "github.com/zeblit/zeblit/ent/plan"
	"github.com/zeblit/zeblit/ent/task"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// Propose makes the plan of the call's run. Where the project's people have to approve
// plans it is PROPOSED, and nothing of it begins before they do.
func (s *Service) Propose(ctx context.Context, tx *store.Tx, env tools.Env, d tools.PlanDraft) error {
	if err := checkText("summary", "a summary", d.Summary, maxSummary); err != nil {
		return err
	}
	r, err := tx.Ent.Run.Get(ctx, env.RunID)
	if err != nil {
		return fmt.Errorf("read run %s: %w", env.RunID, err)
	}
	if r.Depth >= maxDepth {
		return problem.New(problem.PreconditionFailed, "there are %d runs above this one already: do the work yourself", r.Depth)
	}
	project, err := tx.Ent.Project.Get(ctx, r.ProjectID)
	if err != nil {
		return err
	}
	state := enum.PlanActive
	if project.PlanApproval {
		state = enum.PlanProposed
	}
	p, err := tx.Ent.Plan.Query().Where(entplan.RunID(r.ID)).Only(ctx)
	switch {
	case err == nil:
		p, err = s.reopen(ctx, tx, p, r, func(u *ent.PlanUpdateOne) {
			u.SetState(state).SetCallID(env.CallID).Modify(func(u *sql.UpdateBuilder) { u.Set(entplan.FieldSummary, d.Summary) })
		})
	case ent.IsNotFound(err):
		p, err = tx.Ent.Plan.Create().SetProjectID(r.ProjectID).SetRunID(r.ID).SetUserID(r.UserID).
			SetSummary(d.Summary).SetState(state).SetCallID(env.CallID).Save(ctx)
	}
	if err != nil {
		return fmt.Errorf("make a plan: %w", err)
	}
	by := stream.Actor{AgentID: r.AgentID}
	if err := s.tellPlan(ctx, tx, p, by); err != nil {
		return err
	}
	return s.addTo(ctx, tx, p, withReviews(d.Tasks), by)
}

// reopen takes the plan of a run, which people have rejected, for what its manager proposes
// instead: a run has one plan. What was rejected stays on the board, cancelled, and is no
// part of the plan any more: it would count as left undone, and take numbers of the tasks.
func (s *Service) reopen(ctx context.Context, tx *store.Tx, p *ent.Plan, r *ent.Run, set func(*ent.PlanUpdateOne)) (*ent.Plan, error) {
	p, err := s.hold(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	if !over(p) {
		return nil, problem.New(problem.Conflict, "this request has a plan already: change it with add_tasks and update_task")
	}
	rejected, err := numbered(ctx, tx.Ent, p.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range rejected {
		apart := func(u *sql.UpdateBuilder) { u.SetNull(task.FieldPlanID) }
		if t, err = tx.Ent.Task.UpdateOneID(t.ID).SetUpdatedAt(store.Now()).Modify(apart).Save(ctx); err != nil {
			return nil, fmt.Errorf("take task out of plan %s: %w", p.ID, err)
		}
		if err := s.tellTask(ctx, tx, t, stream.Actor{AgentID: r.AgentID}); err != nil {
			return nil, err
		}
	}
	update := tx.Ent.Plan.UpdateOneID(p.ID).SetCheckTree("").ClearFinishedAt()
	set(update)
	return update.Save(ctx)
}

// over says that nobody moves the plan on any more.
func over(p *ent.Plan) bool { return p.State == enum.PlanDone || p.State == enum.PlanCancelled }

// Add adds tasks to the plan of the call's run.
func (s *Service) Add(ctx context.Context, tx *store.Tx, env tools.Env, drafts []tools.TaskDraft) error {
	p, err := s.planOf(ctx, tx, env.RunID)
	if err != nil {
		return err
	}
	already, err := numbered(ctx, tx.Ent, p.ID)
	if err != nil {
		return err
	}
	// What is added may depend on what there is, by its number.
	known := map[string]string{}
	for i, t := range already {
		known[fmt.Sprint(i+1)] = t.ID
	}
	inner := make([]tools.TaskDraft, len(drafts))
	outer := map[string][]string{}
	for i, d := range drafts {
		inner[i] = d
		inner[i].DependsOn = nil
		for _, on := range d.DependsOn {
			if id := known[on]; id != "" {
				outer[d.Key] = append(outer[d.Key], id)
			} else {
				inner[i].DependsOn = append(inner[i].DependsOn, on)
			}
		}
	}
	if err := s.Check(inner); err != nil {
		return err
	}
	if len(already)+len(inner) > MaxTasks {
		return problem.BadField("tasks", "a plan has at most %d tasks, and this one has %d", MaxTasks, len(already))
	}
	r, err := tx.Ent.Run.Get(ctx, env.RunID)
	if err != nil {
		return err
	}
	return s.create(ctx, tx, p, inner, outer, stream.Actor{AgentID: r.AgentID})
}

// planOf is the plan of a run, which is not over; its row is held.
func (s *Service) planOf(ctx context.Context, tx *store.Tx, runID string) (*ent.Plan, error) {
	p, err := tx.Ent.Plan.Query().Where(entplan.RunID(runID)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, problem.New(problem.PreconditionFailed, "there is no plan yet: make one with create_plan")
	}
	if err != nil {
		return nil, err
	}
	if p, err = s.hold(ctx, tx, p); err != nil {
		return nil, err
	}
	if over(p) {
		return nil, problem.New(problem.PreconditionFailed, "the plan is %s, and nobody works on it any more: propose another with create_plan, or report", p.State)
	}
	return p, nil
}

// hold keeps the plan's row until the transaction ends, so that one at a time moves it.
//
// Rows are locked from above to below: a manager's run, its plan, the runs of its tasks.
// The worker that makes a call of the manager's holds its run before the call comes to the
// plan; whoever comes to the plan first, and then gives the run an answer or a run below it,
// would wait for that worker, which waits for the plan. So here the run's row is taken
// before the plan's by everybody.
func (s *Service) hold(ctx context.Context, tx *store.Tx, p *ent.Plan) (*ent.Plan, error) {
	if err := run.Hold(ctx, tx, p.RunID); err != nil {
		return nil, err
	}
	return tx.Ent.Plan.UpdateOneID(p.ID).AddVersion(1).Save(ctx)
}

func (s *Service) addTo(ctx context.Context, tx *store.Tx, p *ent.Plan, drafts []tools.TaskDraft, by stream.Actor) error {
	return s.create(ctx, tx, p, drafts, nil, by)
}

// create makes the drafts' tasks; outer are the tasks outside the drafts that each key
// depends on.
func (s *Service) create(ctx context.Context, tx *store.Tx, p *ent.Plan, drafts []tools.TaskDraft, outer map[string][]string, by stream.Actor) error {
	position, err := lastPosition(ctx, tx.Ent, p.ProjectID)
	if err != nil {
		return err
	}
	made := map[string]string{}
	for _, d := range inOrder(drafts) {
		worker, err := agentOf(ctx, tx.Ent, d.Role)
		if err != nil {
			return err
		}
		needs := append([]string{}, outer[d.Key]...)
		for _, on := range d.DependsOn {
			needs = append(needs, made[on])
		}
		position++
		t, err := tx.Ent.Task.Create().SetProjectID(p.ProjectID).SetPlanID(p.ID).SetAgentID(worker.ID).
			SetTitle(strings.TrimSpace(d.Title)).SetDescription(d.Description).SetPriority(priority(d.Priority)).
			SetState(enum.TaskPending).SetPosition(position).SetDependsOn(needs).Save(ctx)
		if err != nil {
			return fmt.Errorf("make task %q: %w", d.Title, err)
		}
		made[d.Key] = t.ID
		if err := s.addCriteria(ctx, tx, t, d.Criteria); err != nil {
			return err
		}
		if err := s.tellTask(ctx, tx, t, by); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) addCriteria(ctx context.Context, tx *store.Tx, t *ent.Task, texts []string) error {
	for i, text := range texts {
		err := tx.Ent.Criterion.Create().SetProjectID(t.ProjectID).SetTaskID(t.ID).SetPosition(i + 1).
			SetText(strings.TrimSpace(text)).SetState(enum.CriterionOpen).Exec(ctx)
		if err != nil {
			return fmt.Errorf("make a criterion of task %s: %w", t.ID, err)
		}
	}
	return nil
}

// inOrder puts drafts so that what others need comes before them, and leaves them in their
// order otherwise. There is no cycle in them.
func inOrder(drafts []tools.TaskDraft) []tools.TaskDraft {
	byKey := map[string]tools.TaskDraft{}
	for _, d := range drafts {
		byKey[d.Key] = d
	}
	var out []tools.TaskDraft
	placed := map[string]bool{}
	var place func(tools.TaskDraft)
	place = func(d tools.TaskDraft) {
		if placed[d.Key] {
			return
		}
		placed[d.Key] = true
		for _, on := range d.DependsOn {
			place(byKey[on])
		}
		out = append(out, d)
	}
	for _, d := range drafts {
		place(d)
	}
	return out
}

// withReviews adds what every plan that changes code ends with, where the manager has not
// planned it: the security engineer and a reviewer look at what changed.
func withReviews(drafts []tools.TaskDraft) []tools.TaskDraft {
	var work []string
	for _, d := range drafts {
		if role, err := agent.Find(d.Role); err == nil && role.WritesCode() {
			work = append(work, d.Key)
		}
	}
	if len(work) == 0 {
		return drafts
	}
	out := append([]tools.TaskDraft{}, drafts...)
	if !reviewedBy(drafts, "security-engineer", work) {
		out = append(out, tools.TaskDraft{
			Key: unusedKey(out, "security-review"), Title: "Look for security flaws in what was built", Role: "security-engineer",
			Description: "Scan what the tasks before have changed, and look at it yourself. Report each flaw as a finding.",
			Criteria:    []string{"What changed was scanned, and every flaw found is a finding"}, DependsOn: work,
		})
	}
	if !reviewedBy(drafts, "product-manager", work) {
		out = append(out, tools.TaskDraft{
			Key: unusedKey(out, "review"), Title: "Compare what was built with what was asked for", Role: "product-manager",
			Description: "Read what the tasks before have changed, and compare it with the request. Name what is missing.",
			Criteria:    []string{"Everything that was asked for is there, or what is missing is named"}, DependsOn: work,
		})
	}
	return out
}

// reviewedBy says whether a task of the role comes after all the work.
func reviewedBy(drafts []tools.TaskDraft, role string, work []string) bool {
	needs := map[string][]string{}
	for _, d := range drafts {
		needs[d.Key] = d.DependsOn
	}
	for _, d := range drafts {
		if d.Role != role {
			continue
		}
		before := map[string]bool{}
		var walk func(string)
		walk = func(key string) {
			for _, on := range needs[key] {
				if !before[on] {
					before[on] = true
					walk(on)
				}
			}
		}
		walk(d.Key)
		all := true
		for _, key := range work {
			all = all && before[key]
		}
		if all {
			return true
		}
	}
	return false
}

func unusedKey(drafts []tools.TaskDraft, key string) string {
	for _, d := range drafts {
		if d.Key == key {
			return unusedKey(drafts, key+"-2")
		}
	}
	return key
}

func lastPosition(ctx context.Context, c *ent.Client, projectID string) (int, error) {
	last, err := c.Task.Query().Where(task.ProjectID(projectID)).Order(ent.Desc(task.FieldPosition)).First(ctx)
	if ent.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return last.Position, nil
}
