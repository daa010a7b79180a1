package command

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/sandbox"
	"github.com/zeblit/zeblit/internal/stream"
	"github.com/zeblit/zeblit/internal/workspace"
)

// task is a command that this host runs.
type task struct {
	c      *ent.Command
	handle access.StreamHandle
	author workspace.Author
	actor  stream.Actor
	call   *ent.ToolCall
	person access.Viewer

	mu      sync.Mutex
	process sandbox.Process // nil until it has begun
	killed  string          // why the host ended it; empty when it didn't
}

// as is ctx with the rights of the person whose command it is.
func (t *task) as(ctx context.Context) context.Context { return access.WithViewer(ctx, t.person) }

// end is how a command came to its end.
type end struct {
	state  enum.CommandState
	exit   *sandbox.Exit
	notes  []string
	change *change
}

func (e *end) note(format string, args ...any) {
	e.notes = append(e.notes, fmt.Sprintf(format, args...))
}

// execute runs a command that this host has claimed, and records its end whatever comes.
func (h *Host) execute(ctx context.Context, c *ent.Command) {
	defer h.told(c.ID)
	var t *task
	err := h.insist(ctx, c, func(ctx context.Context) (err error) {
		t, err = h.prepare(ctx, c)
		return err
	})
	if err != nil {
		h.giveUp(ctx, c, "The server could not find out whose command it is, and has not begun it.")
		return
	}
	e := h.perform(ctx, t)
	record := h.settle
	if e.state == enum.CommandQueued {
		record = h.giveBack
	}
	err = h.insist(ctx, c, func(ctx context.Context) error { return record(ctx, t, e) })
	if e.change != nil {
		e.change.release()
	}
	if err != nil && !errors.Is(err, errNotMine) {
		h.giveUp(ctx, c, "Its end could not be recorded, and it is not known how it ended. What it changed is kept with the next command.")
	}
	h.box(c.ProjectID).forget(t)
}

// prepare reads whose command it is.
func (h *Host) prepare(ctx context.Context, c *ent.Command) (*task, error) {
	handle, err := access.StreamWriter(ctx, h.db.Ent, c.ProjectID)
	if err != nil {
		return nil, err
	}
	user, err := h.db.Ent.User.Get(ctx, c.UserID)
	if err != nil {
		return nil, err
	}
	t := &task{
		c: c, handle: handle,
		person: access.Viewer{UserID: user.ID},
		author: workspace.Author{Name: user.Name, Email: user.Email, UserID: user.ID},
		actor:  stream.Actor{UserID: user.ID},
	}
	if c.RunID == nil {
		return t, nil
	}
	if t.call, err = h.db.Ent.ToolCall.Get(ctx, *c.ToolCallID); err != nil {
		return nil, err
	}
	r, err := h.db.Ent.Run.Get(ctx, *c.RunID)
	if err != nil {
		return nil, err
	}
	agent, err := h.db.Ent.Agent.Get(ctx, r.AgentID)
	if err != nil {
		return nil, err
	}
	t.person.Agent = agent.Slug
	t.actor = stream.Actor{AgentID: agent.ID}
	t.author = workspace.Author{
		Name: agent.Name, Email: agent.Slug + "@agents.zeblit", UserID: user.ID,
		AgentID: agent.ID, RunID: r.ID, Role: agent.Slug, Step: r.Step + 1,
	}
	return t, nil
}

// perform runs the command up to its end.
func (h *Host) perform(ctx context.Context, t *task) *end {
	if err := access.RequireRole(t.as(ctx), h.db.Ent, t.c.ProjectID, enum.ProjectEditor); err != nil {
		return refused(err)
	}
	if _, err := h.sandboxes(ctx); err != nil {
		return refused(problem.New(problem.Unavailable, "commands can't run here: %s", err.Error()))
	}
	b := h.box(t.c.ProjectID)
	notes, err := b.begin(ctx, t)
	if errors.Is(err, errElsewhere) {
		return &end{state: enum.CommandQueued}
	}
	if err != nil {
		return h.refusal(ctx, t, err)
	}
	e := &end{notes: notes}
	rec := &record{s: h.Service, ctx: context.WithoutCancel(ctx), c: t.c, handle: t.handle, call: t.call, actor: t.actor, open: map[enum.OutputStream][]byte{}}
	run := sandbox.Command{
		Argv: t.c.Argv, Dir: path.Join(rootOf(t.c.Branch), t.c.Directory), Env: variables(t.c), Stdin: strings.NewReader(t.c.Stdin),
	}
	if t.c.Shell != "" {
		run.Argv = []string{"/bin/sh", "-c", t.c.Shell}
	}
	if !t.c.Background {
		run.Timeout = time.Duration(t.c.TimeoutMs) * time.Millisecond
	}
	open, err := b.sandbox()
	if err != nil {
		return h.refusal(ctx, t, err)
	}
	exit, err := sandbox.Run(ctx, watched{open, t}, run, rec.write)
	faults.Point(faults.CommandEnded)
	e.exit = &exit
	err = errors.Join(err, rec.finish())
	t.c.OutputBytes, t.c.KeptBytes = rec.printed, rec.kept
	if rec.printed > keptOutput {
		e.note("It printed %d bytes, of which the first %d and the last %d are kept.", rec.printed, keptOutput, keptTail)
	}
	h.judge(ctx, t, e, err)
	changed, err := b.collect(context.WithoutCancel(ctx), t)
	if err != nil {
		e.note("Its changes to files could not be read: %s.", why(err))
	}
	e.change = changed
	return e
}

// judge says how it ended.
func (h *Host) judge(ctx context.Context, t *task, e *end, err error) {
	t.mu.Lock()
	killed := t.killed
	t.mu.Unlock()
	switch {
	case errors.Is(err, errNotMine):
		e.state = enum.CommandLost
	case err != nil && errors.Is(context.Cause(ctx), errStopped):
		e.state, e.exit = enum.CommandKilled, nil
		e.note("It was ended because the server stopped.")
	case errors.Is(err, sandbox.ErrNoCommand):
		e.state, e.exit = enum.CommandExited, &sandbox.Exit{Code: 127}
		e.note("There is no such command.")
	case errors.Is(err, sandbox.ErrNotExecutable):
		e.state, e.exit = enum.CommandExited, &sandbox.Exit{Code: 126}
		e.note("This can't be executed.")
	case errors.Is(err, sandbox.ErrNoFolder):
		e.state, e.exit = enum.CommandRefused, nil
		e.note("There is no such folder: %q.", t.c.Directory)
	case err != nil:
		e.state, e.exit = enum.CommandLost, nil
		e.note("The sandbox has failed: %s.", why(err))
		h.logger.WarnContext(ctx, "a command failed", "command", t.c.ID, "project", t.c.ProjectID, "error", err)
	case e.exit.TimedOut:
		e.state = enum.CommandTimedOut
		e.note("It was killed after %s, its time.", time.Duration(t.c.TimeoutMs)*time.Millisecond)
	case killed != "":
		e.state = enum.CommandKilled
		e.note("%s", killed)
	case e.exit.Signal != "":
		e.state = enum.CommandKilled
	default:
		e.state = enum.CommandExited
	}
	if e.exit != nil && e.exit.OutOfMemory {
		e.note("The sandbox ran out of memory.")
	}
}

// watched lets others signal the process once it runs.
type watched struct {
	sandbox.Sandbox
	t *task
}

func (w watched) Start(ctx context.Context, c sandbox.Command) (sandbox.Process, error) {
	p, err := w.Sandbox.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	w.t.mu.Lock()
	w.t.process = p
	killed := w.t.killed != ""
	w.t.mu.Unlock()
	if killed { // before there was a process
		_ = p.Signal(ctx, "KILL") // it may have ended meanwhile
	}
	return p, nil
}

func told(event enum.EventType, c *ent.Command, by stream.Actor) stream.Draft {
	runID := ""
	if c.RunID != nil {
		runID = *c.RunID
	}
	shown := *c
	shown.Environment, shown.Stdin = nil, "" // watchers have no use for them, and they may be secret
	return stream.Draft{Type: event, RunID: runID, Payload: stream.CommandPayload{V: 1, Command: &shown, Actor: &by}}
}

func refused(err error) *end {
	e := &end{state: enum.CommandRefused}
	e.note("%s", why(err))
	return e
}

// refusal is the end of a command for which there is no sandbox.
func (h *Host) refusal(ctx context.Context, t *task, err error) *end {
	e := refused(err)
	if problem.As(err) == nil {
		h.logger.WarnContext(ctx, "a command was refused", "command", t.c.ID, "project", t.c.ProjectID, "error", err)
	}
	return e
}

// why is an error in words for people: what we don't know the meaning of is not told.
func why(err error) string {
	if p := problem.As(err); p != nil {
		return p.Message
	}
	for _, known := range []error{
		sandbox.ErrGone, sandbox.ErrUnreachable, sandbox.ErrUnavailable, sandbox.ErrDiskFull, sandbox.ErrNoResources,
		sandbox.ErrTooMany, sandbox.ErrStopped, sandbox.ErrChanged,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "the server could not do it"
}

func variables(c *ent.Command) map[string]string {
	env := map[string]string{}
	for _, v := range c.Environment {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	return env
}
