package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
	"github.com/zeblit/zeblit/internal/run"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// look is a plan as it is now.
type look struct {
	plan  *ent.Plan
	run   *ent.Run // the manager's
	base  string   // the branch that its tasks are merged into; "" is main
	tasks []*ent.Task
	// moved are the tasks under way whose runs or merges have come to something.
	moved map[string]bool
	// asked is how many other runs below the manager's are under way.
	asked int
	// checking says that what was shown is being looked at once more.
	checking bool
}

func (s *Service) read(ctx context.Context, c *ent.Client, p *ent.Plan) (*look, error) {
	r, err := c.Run.Get(ctx, p.RunID)
	if err != nil {
		return nil, err
	}
	tasks, err := numbered(ctx, c, p.ID)
	if err != nil {
		return nil, err
	}
	l := &look{plan: p, run: r, tasks: tasks, moved: map[string]bool{}}
	if l.base, err = run.Base(ctx, c, r); err != nil {
		return nil, err
	}
	if l.checking, err = s.checking(ctx, c, p); err != nil {
		return nil, err
	}
	if l.asked, err = besides(ctx, c, r, tasks); err != nil {
		return nil, err
	}
	for _, t := range tasks {
		if t.State != enum.TaskInProgress && t.State != enum.TaskMerging {
			continue
		}
		if l.moved[t.ID], err = s.hasMoved(ctx, c, t, l.held()); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// due says whether there is anything to do.
func (l *look) due() bool {
	if l.run.State.Ended() {
		return true
	}
	if l.plan.State != enum.PlanActive {
		return false
	}
	for _, moved := range l.moved {
		if moved {
			return true
		}
	}
	return !l.held() && len(l.ready()) > 0 || len(l.stuck()) > 0 || len(l.freed()) > 0 || l.plan.CallID != "" && l.needsManager() && !l.checking
}

// target is the name of the branch that its tasks are merged into.
func (l *look) target() string { return cmp.Or(l.base, "main") }

func (l *look) task(id string) *ent.Task {
	if i := numberOf(l.tasks, id); i > 0 {
		return l.tasks[i-1]
	}
	return nil
}

func (l *look) count(states ...enum.TaskState) (n int) {
	for _, t := range l.tasks {
		if slices.Contains(states, t.State) {
			n++
		}
	}
	return n
}

// ready are the tasks that can begin now: the most urgent first, then in their order.
func (l *look) ready() []*ent.Task {
	var out []*ent.Task
	for _, t := range l.tasks {
		if t.State == enum.TaskPending && l.needsMet(t) {
			out = append(out, t)
		}
	}
	order := []enum.TaskPriority{enum.TaskUrgent, enum.TaskHigh, enum.TaskMedium, enum.TaskLow}
	slices.SortStableFunc(out, func(a, b *ent.Task) int {
		return slices.Index(order, a.Priority) - slices.Index(order, b.Priority)
	})
	return out[:min(max(l.room(), 0), len(out))]
}

// room is how many more tasks may be worked on at once.
func (l *look) room() int { return fanOut - l.asked - l.count(enum.TaskInProgress) }

// besides counts the runs below the manager's that are not at work on the plan: those that
// it asks.
func besides(ctx context.Context, c *ent.Client, manager *ent.Run, tasks []*ent.Task) (int, error) {
	at := make([]string, len(tasks))
	for i, t := range tasks {
		at[i] = t.RunID
	}
	n, err := c.Run.Query().Where(entrun.ParentID(manager.ID), entrun.IDNotIn(at...),
		entrun.StateNotIn(enum.RunSucceeded, enum.RunFailed, enum.RunCancelled)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the runs below run %s: %w", manager.ID, err)
	}
	return n, nil
}

func (l *look) needsMet(t *ent.Task) bool {
	for _, id := range t.DependsOn {
		if on := l.task(id); on == nil || on.State != enum.TaskCompleted {
			return false
		}
	}
	return true
}

// stuck are the tasks that can't begin because one that they need won't be completed by
// itself.
func (l *look) stuck() []*ent.Task {
	var out []*ent.Task
	for _, t := range l.tasks {
		if t.State == enum.TaskPending && l.inTheWay(t) != nil {
			out = append(out, t)
		}
	}
	return out
}

// freed are the tasks that were stuck, and aren't any more.
func (l *look) freed() []*ent.Task {
	var out []*ent.Task
	for _, t := range l.tasks {
		if t.State == enum.TaskBlocked && t.RunID == "" && l.inTheWay(t) == nil {
			out = append(out, t)
		}
	}
	return out
}

func (l *look) inTheWay(t *ent.Task) *ent.Task {
	for _, id := range t.DependsOn {
		on := l.task(id)
		if on != nil && (on.State == enum.TaskFailed || on.State == enum.TaskCancelled || on.State == enum.TaskBlocked) {
			return on
		}
	}
	return nil
}

// held says that the manager is paused, by people or a budget: what is under way ends as
// it does, and no task begins or is tried again.
func (l *look) held() bool { return l.run.State == enum.RunPaused || l.run.PauseRequested }

// needsManager says whether the manager is to be woken: nothing is under way any more, or
// something failed that it may mend while others work.
func (l *look) needsManager() bool {
	underWay := l.count(enum.TaskInProgress, enum.TaskMerging)
	if underWay == 0 && len(l.ready()) == 0 && len(l.stuck()) == 0 {
		return true
	}
	for _, t := range l.tasks {
		if t.State == enum.TaskFailed || t.State == enum.TaskBlocked && t.RunID != "" {
			return true
		}
	}
	return false
}

// advance makes every move that is due.
func (s *Service) advance(ctx context.Context, tx *store.Tx, l *look) error {
	if l.run.State.Ended() {
		return s.close(ctx, tx, l)
	}
	if l.plan.State != enum.PlanActive {
		return nil
	}
	for i, t := range l.tasks {
		if !l.moved[t.ID] {
			continue
		}
		settled, err := s.settle(ctx, tx, l, t)
		if err != nil {
			return err
		}
		l.tasks[i] = settled
	}
	// What is freed may be stuck again by what follows, and the other way round.
	for freed := l.freed(); len(freed) > 0; freed = l.freed() {
		for _, t := range freed {
			if err := s.turn(ctx, tx, l, t, enum.TaskPending, ""); err != nil {
				return err
			}
		}
	}
	for stuck := l.stuck(); len(stuck) > 0; stuck = l.stuck() {
		for _, t := range stuck {
			on := l.inTheWay(t)
			why := fmt.Sprintf("it needs task %d, which is %s", numberOf(l.tasks, on.ID), on.State)
			if err := s.turn(ctx, tx, l, t, enum.TaskBlocked, why); err != nil {
				return err
			}
		}
	}
	for _, t := range l.ready() {
		if l.held() {
			break
		}
		begun, err := s.begin(ctx, tx, l, t, "")
		if err != nil {
			return err
		}
		l.tasks[numberOf(l.tasks, t.ID)-1] = begun
	}
	if l.plan.CallID == "" || !l.needsManager() {
		return nil
	}
	if l.count(enum.TaskCompleted, enum.TaskCancelled) == len(l.tasks) {
		if done, err := s.recheck(ctx, tx, l); err != nil || !done {
			return err
		}
	}
	return s.wake(ctx, tx, l)
}

// turn gives a task that has not begun another state.
func (s *Service) turn(ctx context.Context, tx *store.Tx, l *look, t *ent.Task, state enum.TaskState, why string) error {
	now, err := tx.Ent.Task.UpdateOneID(t.ID).SetState(state).SetProblem(why).SetUpdatedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	l.tasks[numberOf(l.tasks, t.ID)-1] = now
	return s.tellTask(ctx, tx, now, stream.Actor{AgentID: l.run.AgentID})
}

// wake tells the manager how the plan stands, and lets it go on.
func (s *Service) wake(ctx context.Context, tx *store.Tx, l *look) error {
	text, err := s.report(ctx, tx.Ent, l)
	if err != nil {
		return err
	}
	if _, err := s.runs.Answer(ctx, tx, l.plan.CallID, enum.ToolCallDone, text, stream.Actor{AgentID: l.run.AgentID}); err != nil {
		return err
	}
	return tx.Ent.Plan.UpdateOneID(l.plan.ID).SetCallID("").Exec(ctx)
}

// close ends a plan whose manager's run has ended: what is not done is cancelled with it.
func (s *Service) close(ctx context.Context, tx *store.Tx, l *look) error {
	by := stream.Actor{AgentID: l.run.AgentID}
	if err := run.HoldBelow(ctx, tx, l.run.ID); err != nil {
		return err
	}
	state := enum.PlanDone
	if l.run.State != enum.RunSucceeded {
		state = enum.PlanCancelled
	}
	for _, t := range l.tasks {
		if t.State == enum.TaskCompleted || t.State == enum.TaskCancelled || t.State == enum.TaskFailed {
			continue
		}
		t, err := s.cancelTask(ctx, tx, t, "the run that planned it has ended", by)
		if err != nil {
			return err
		}
		if err := s.tellTask(ctx, tx, t, by); err != nil {
			return err
		}
	}
	p, err := tx.Ent.Plan.UpdateOneID(l.plan.ID).SetState(state).SetCallID("").SetFinishedAt(store.Now()).Save(ctx)
	if err != nil {
		return err
	}
	return s.tellPlan(ctx, tx, p, by)
}
