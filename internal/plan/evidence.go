package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/zeblit/zeblit/ent"
	entcommand "github.com/zeblit/zeblit/ent/command"
	"github.com/zeblit/zeblit/ent/criterion"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/toolcall"
	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/agent/tools"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

// Show closes a criterion of the task that the call's run works on. A command shows it
// when it was this run's own and succeeded; files when they are there. Those whose role
// only reads may show it by what they found.
func (s *Service) Show(ctx context.Context, env tools.Env, e tools.Evidence) (func(context.Context, *store.Tx) error, string, error) {
	if err := checkText("note", "a note", e.Note, maxNote); err != nil {
		return nil, "", err
	}
	r, err := s.db.Ent.Run.Get(ctx, env.RunID)
	if err != nil {
		return nil, "", err
	}
	if r.TaskID == "" {
		return nil, "", problem.New(problem.PreconditionFailed, "you don't work on a task: say in your answer what shows that it works")
	}
	c, err := s.db.Ent.Criterion.Query().Where(criterion.TaskID(r.TaskID), criterion.Position(e.Criterion)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, "", problem.BadField("criterion", "your task has no criterion %d", e.Criterion)
	}
	if err != nil {
		return nil, "", err
	}
	shown := tools.Evidence{Criterion: e.Criterion, CommandID: e.CommandID, Note: e.Note}
	var ran *ent.Command
	digest := ""
	if e.CommandID != "" {
		if ran, digest, err = s.ran(ctx, env, e.CommandID); err != nil {
			return nil, "", err
		}
	}
	files := map[string]string{}
	for _, path := range e.Files {
		f, err := s.files.File(ctx, env.ProjectID, path, env.Branch.Name)
		if problem.As(err) != nil {
			return nil, "", problem.BadField("files", "%s: %s", path, problem.As(err).Message)
		}
		if err != nil {
			return nil, "", err
		}
		files[path] = f.Revision
	}
	if ran == nil && len(files) == 0 {
		if err := s.mayJustSay(ctx, r); err != nil {
			return nil, "", err
		}
	}
	tree, err := s.files.TreeOf(ctx, env.ProjectID, env.Branch.Name)
	if err != nil {
		return nil, "", err
	}
	apply := func(ctx context.Context, tx *store.Tx) error {
		update := tx.Ent.Criterion.UpdateOneID(c.ID).SetState(enum.CriterionMet).SetRunID(r.ID).SetCommandID(shown.CommandID).
			SetFiles(files).SetNote(shown.Note).SetTree(tree).SetOutputDigest(digest).SetShownAt(store.Now()).SetCommand("").SetExitCode(0).
			SetProblem("").SetCheckedTree("").SetCheckID("")
		if ran != nil {
			update.SetCommand(lineOf(ran)).SetExitCode(*ran.ExitCode)
		}
		if err := update.Exec(ctx); err != nil {
			return fmt.Errorf("record what shows criterion %s: %w", c.ID, err)
		}
		t, err := tx.Ent.Task.Get(ctx, c.TaskID)
		if err != nil {
			return err
		}
		return s.tellTask(ctx, tx, t, stream.Actor{AgentID: r.AgentID})
	}
	return apply, fmt.Sprintf("criterion %d is shown", e.Criterion), nil
}

// ran is a command of the call's run that succeeded, and the digest of what it printed.
func (s *Service) ran(ctx context.Context, env tools.Env, id string) (*ent.Command, string, error) {
	c, err := s.commands.InProject(ctx, env.ProjectID, id)
	if problem.As(err) != nil || err == nil && (c.RunID == nil || *c.RunID != env.RunID) {
		return nil, "", problem.BadField("command_id", "there is no such command of yours: run it first, with run_command")
	}
	if err != nil {
		return nil, "", err
	}
	switch {
	case !c.State.Ended():
		return nil, "", problem.BadField("command_id", "the command is still %s: wait for its end", c.State)
	case c.State != enum.CommandExited || c.ExitCode == nil:
		return nil, "", problem.BadField("command_id", "the command was %s: only one that ended by itself shows anything", c.State)
	case *c.ExitCode != 0:
		return nil, "", problem.BadField("command_id", "the command ended with exit status %d: only one that succeeds shows that a criterion is met", *c.ExitCode)
	}
	if err := s.unchangedSince(ctx, env, c); err != nil {
		return nil, "", err
	}
	digest, err := s.commands.Digest(ctx, c)
	return c, digest, err
}

// unchangedSince refuses a command that files were changed after: what it showed is stale.
func (s *Service) unchangedSince(ctx context.Context, env tools.Env, c *ent.Command) error {
	calls, err := s.db.Ent.ToolCall.Query().Where(toolcall.RunID(env.RunID), toolcall.StateEQ(enum.ToolCallDone), toolcall.FinishedAtGT(*c.FinishedAt)).All(ctx)
	if err != nil {
		return err
	}
	for _, call := range calls {
		if tool := tools.Find(call.Name); tool == nil || !tools.Writes(tool) {
			continue
		}
		ran, err := s.db.Ent.Command.Query().Where(entcommand.ToolCallID(call.ID)).Only(ctx)
		switch {
		case ent.IsNotFound(err):
		case err != nil:
			return err
		case ran.ID == c.ID || ran.Commit == "":
			continue
		}
		return problem.BadField("command_id", "files were changed after that command: run it again, and show it by that")
	}
	return nil
}

// mayJustSay refuses words as evidence of an agent who could show more.
func (s *Service) mayJustSay(ctx context.Context, r *ent.Run) error {
	worker, err := s.db.Ent.Agent.Get(ctx, r.AgentID)
	if err != nil {
		return err
	}
	role, err := agent.Find(worker.Slug)
	if err != nil {
		return err
	}
	if slices.Contains(role.Tools, "run_command") {
		return problem.BadField("command_id", "show it by a command that succeeds, or by files: words alone don't")
	}
	if len(role.Writes) > 0 && role.Slug != "product-manager" {
		return problem.BadField("files", "name the files that show it: words alone don't")
	}
	return nil
}

func lineOf(c *ent.Command) string {
	if c.Shell != "" {
		return c.Shell
	}
	return strings.Join(c.Argv, " ")
}
