package run

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/internal/agent/tools"
)

// maxParallel is how many calls of one answer are made at once.
const maxParallel = 8

// errWrites is a tool's fault: what is made at once with others only reads.
var errWrites = errors.New("a call that is made at once with others wants to change something, or to wait")

// runTools makes an answer's calls in its order. Neighbours that only read are made at
// once: each is recorded as RUNNING, in order, before the first of them is made, and
// with its result as it ends. errParked: a call makes the run wait.
func (e *Engine) runTools(ctx context.Context, l *lease, planned []*ent.ToolCall) error {
	if len(planned) == 0 {
		return nil
	}
	by, err := e.crewman(ctx, l)
	if err != nil {
		return err
	}
	for len(planned) > 0 {
		n := 1
		for n < len(planned) && by.reads(planned[0]) && by.reads(planned[n]) {
			n++
		}
		if err := e.runBatch(ctx, l, by, planned[:n]); err != nil {
			return err
		}
		planned = planned[n:]
	}
	return nil
}

// reads says whether a call may be made at once with others.
func (c crewman) reads(call *ent.ToolCall) bool {
	tool := c.tool(call.Name)
	return tool != nil && tools.Parallel(tool)
}

func (e *Engine) runBatch(ctx context.Context, l *lease, by crewman, calls []*ent.ToolCall) error {
	var begun []*ent.ToolCall
	for _, call := range calls {
		over, err := e.beginCall(ctx, l, by, call)
		if err != nil {
			return err
		}
		if !over {
			begun = append(begun, call)
		}
	}
	if len(begun) == 1 {
		return e.runTool(ctx, l, by, begun[0])
	}
	group, held := errgroup.WithContext(ctx)
	group.SetLimit(maxParallel)
	for _, call := range begun {
		group.Go(func() error { return e.runTool(held, l, by, call) })
	}
	return group.Wait()
}

// mayDo refuses what a call can't have that is made at once with others.
func mayDo(tool tools.Tool, outcome tools.Outcome) error {
	if tools.Parallel(tool) && (len(outcome.Changes) > 0 || outcome.Apply != nil || outcome.Wait != "") {
		return lasting{fmt.Errorf("tool %s: %w", tool.Name(), errWrites)}
	}
	return nil
}
