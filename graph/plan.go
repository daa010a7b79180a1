package graph

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/task"
	"github.com/zeblit/zeblit/graph/model"
	"github.com/zeblit/zeblit/internal/relay"
)

// evidenceOf is what shows a criterion; nil while nothing does.
func evidenceOf(ctx context.Context, c *ent.Criterion) (*model.Evidence, error) {
	if c.ShownAt == nil {
		return nil, nil
	}
	e := &model.Evidence{Note: c.Note, Tree: c.Tree, ShownAt: *c.ShownAt, Files: []*model.EvidenceFile{}}
	var err error
	if e.Run, err = maybe(ctx, load(ctx).runs, &c.RunID); err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		e.Files = append(e.Files, &model.EvidenceFile{Path: path, Revision: c.Files[path]})
	}
	if c.CheckedTree != "" {
		e.CheckedTree = &c.CheckedTree
	}
	if c.CommandID == "" {
		return e, nil
	}
	if e.Check, err = maybe(ctx, load(ctx).commands, &c.CheckID); err != nil {
		return nil, err
	}
	e.CommandLine, e.ExitCode, e.OutputDigest = &c.Command, &c.ExitCode, &c.OutputDigest
	e.Command, err = maybe(ctx, load(ctx).commands, &c.CommandID)
	return e, err
}

// progress counts a plan's tasks, and what they have used.
func (r *Resolver) progress(ctx context.Context, p *ent.Plan) (*model.PlanProgress, error) {
	tasks, err := r.DB.Ent.Task.Query().Where(task.PlanID(p.ID)).Select(task.FieldID, task.FieldState).All(ctx)
	if err != nil {
		return nil, err
	}
	progress := &model.PlanProgress{}
	for _, t := range tasks {
		switch t.State {
		case enum.TaskCancelled:
			continue
		case enum.TaskCompleted:
			progress.Completed++
		case enum.TaskFailed, enum.TaskBlocked:
			progress.Troubled++
		}
		progress.Total++
	}
	run, err := the(ctx, load(ctx).runs, p.RunID)
	if err != nil {
		return nil, err
	}
	progress.Usage, err = usedBy(ctx, run)
	return progress, err
}

// onBoard is the order of the board.
var onBoard = relay.Order[*ent.Task]{
	Name: "BOARD", Column: task.FieldPosition, Number: true,
	Value: func(t *ent.Task) string { return strconv.Itoa(t.Position) }, ID: taskID,
}
