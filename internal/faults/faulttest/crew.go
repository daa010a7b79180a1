package faulttest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/internal/faults"
	"github.com/zeblit/zeblit/internal/llm/quoted"
	"github.com/zeblit/zeblit/internal/plan/crewtest"
	"github.com/zeblit/zeblit/internal/redistest"
)

// The trial of the crew: requests become plans that seven agents work off, in sandboxes and
// on branches, while whoever works is killed at each point once.
const (
	crewPeople = 3
	crewSettle = 3 * time.Minute
)

// crewTools are the tools that the crew uses.
var crewTools = []string{"ask_user", "ask_agent", "send_message", "create_plan", "wait_for_tasks", "resolve_conflict", "write_file", "run_command", "show_criterion"}

// crewPoints are the crash points that the crew's work comes to, those in tools once for
// each tool.
func crewPoints() []string {
	var out []string
	for _, name := range faults.Names() {
		switch {
		case name == faults.SendStored, name == faults.CallReserved, name == faults.RunRecovered:
		case name == faults.CommandSettling: // of commands that change files, which these don't: see workPoints
		case strings.HasPrefix(name, "tool."):
			for _, tool := range crewTools {
				out = append(out, name+"/"+tool)
			}
		default:
			out = append(out, name)
		}
	}
	return out
}

// Crewed is what came of one trial.
type Crewed struct {
	Kills, Requests int
	// Died is at which points a process has died.
	Died  []string
	Took  time.Duration
	Wrong []string

	mu sync.Mutex
}

// Good reports whether all that must hold held.
func (c *Crewed) Good() bool { return len(c.Wrong) == 0 }

func (c *Crewed) String() string {
	out := fmt.Sprintf("%d kills in %.0f s, at %d points: %s; %d requests built",
		c.Kills, c.Took.Seconds(), len(c.Died), strings.Join(c.Died, ", "), c.Requests)
	for _, wrong := range c.Wrong {
		out += "\n\tWRONG: " + wrong
	}
	return out
}

func (c *Crewed) wrong(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Wrong = append(c.Wrong, fmt.Sprintf(format, args...))
}

// Crew makes one trial on a fresh installation and judges it.
func Crew(ctx context.Context, t redistest.TB, o Options) (*Crewed, error) {
	begun := time.Now()
	in, err := Install(t, o)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	crew := crewtest.New()
	for _, mark := range []string{crewtest.Request, "Your task: ", "Try again: ", "[" + quoted.Words + " "} {
		in.Model.answer(mark, crew.Reply)
	}
	l, err := NewLoad(ctx, in, 0)
	if err != nil {
		return nil, fmt.Errorf("make the load: %w", err)
	}
	defer l.leave()
	c := &Crewed{}
	err = c.disturb(ctx, l)
	c.Kills, c.Took = in.Kills(), time.Since(begun)
	if err != nil || !c.Good() {
		keepLogs(in, o.Logf)
	}
	return c, err
}

// disturb keeps people asking while processes die, and waits for the end of what was begun.
func (c *Crewed) disturb(ctx context.Context, l *Load) error {
	var enough atomic.Bool
	talking, hangUp := context.WithCancel(ctx)
	defer hangUp()
	var people sync.WaitGroup
	for range crewPeople {
		people.Go(func() {
			for !enough.Load() && talking.Err() == nil {
				if err := c.ask(talking, l); err != nil {
					c.wrong("%v", err)
				}
			}
		})
	}
	err := l.in.killAtEach(ctx, crewPoints(), func(point string, died bool) {
		if died {
			c.Died = append(c.Died, point)
		} else {
			c.wrong("nobody came to %s", point)
		}
	})
	enough.Store(true)
	calmed := l.in.calm(ctx)
	late := time.AfterFunc(crewSettle, func() {
		c.wrong("not all requests were built within %s", crewSettle)
		hangUp()
	})
	people.Wait()
	late.Stop()
	return errors.Join(err, calmed)
}

// ask asks for something in a new project, waits until it is built, and judges it.
func (c *Crewed) ask(ctx context.Context, l *Load) error {
	p, err := l.clients[0].CreateProject(ctx, "Crew "+rand.Text())
	if err != nil {
		return fmt.Errorf("make a project: %w", err)
	}
	input := sendInput(p.ID, "", crewtest.Request, rand.Text())
	input["agent"] = "manager"
	s, err := l.try(ctx, input, 0)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	state, failed, verified := "", "", ""
	for n := 0; !slices.Contains([]string{"SUCCEEDED", "FAILED", "CANCELLED"}, state); n++ {
		if err := crewtest.People(ctx, p.ID, l.clients[n%len(l.clients)].Do); err != nil && !excusable(err) && ctx.Err() == nil {
			return fmt.Errorf("answer what the crew asks: %w", err)
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return nil //nolint:nilerr // said already
		}
		if err := l.in.db.QueryRowContext(ctx, "SELECT state, error, verification FROM runs WHERE id = $1", s.Run).Scan(&state, &failed, &verified); err != nil {
			return err
		}
	}
	c.mu.Lock()
	c.Requests++
	c.mu.Unlock()
	if state != "SUCCEEDED" || verified != "VERIFIED" {
		c.wrong("run %s is %s, %s: %s", s.Run, state, verified, failed)
	}
	if err := errors.Join(c.judgePeople(ctx, l, p.ID), c.judgeWords(ctx, l, p.ID)); err != nil {
		return err
	}
	got, err := readFiles(ctx, l, p.ID)
	if err != nil {
		return err
	}
	for path, text := range crewtest.Files {
		if got[path] != text {
			c.wrong("%s of %s is %q, undisturbed %q", path, p.ID, got[path], text)
		}
		delete(got, path)
	}
	for path := range got {
		c.wrong("%s has %s, which nobody asked for", p.ID, path)
	}
	return c.judgeTasks(ctx, l, p.ID)
}

// judgePeople holds that people were asked once, and that what they allowed was done once.
func (c *Crewed) judgePeople(ctx context.Context, l *Load, project string) error {
	var questions, answered, approvals, approved, ran int
	err := l.in.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM questions WHERE project_id = $1), (SELECT count(*) FROM questions WHERE project_id = $1 AND state = 'ANSWERED'),
		(SELECT count(*) FROM approvals WHERE project_id = $1), (SELECT count(*) FROM approvals WHERE project_id = $1 AND state = 'APPROVED'),
		(SELECT count(*) FROM commands WHERE project_id = $1 AND shell = $2 AND state = 'EXITED' AND exit_code = 0)`, project, crewtest.Allowed).
		Scan(&questions, &answered, &approvals, &approved, &ran)
	if err == nil && (questions != 1 || answered != 1 || approvals < 1 || approvals != approved || ran < 1 || ran > approved) {
		c.wrong("people of %s were asked %d questions, %d answered, and for %d approvals, %d given; what they allowed was done %d times",
			project, questions, answered, approvals, approved, ran)
	}
	return err
}

// judgeTasks holds that board, runs, merges and messages agree.
func (c *Crewed) judgeTasks(ctx context.Context, l *Load, project string) error {
	tasks := 0
	err := query(ctx, l.in, `SELECT t.title, t.state, r.state, coalesce((SELECT count(*) FROM merges m WHERE m.source = r.branch AND m.project_id = r.project_id AND m.state = 'MERGED'), 0)
		FROM tasks t JOIN runs r ON r.id = t.run_id WHERE t.project_id = $1`, func(scan func(...any) error) error {
		var title, state, run string
		var merged int
		if err := scan(&title, &state, &run, &merged); err != nil {
			return err
		}
		tasks++
		if state != "COMPLETED" || run != "SUCCEEDED" || merged != 1 {
			c.wrong("%s of %s is %s, its run %s, merged %d times", title, project, state, run, merged)
		}
		return nil
	}, project)
	if err != nil {
		return err
	}
	if tasks != 8 {
		c.wrong("%s has %d tasks", project, tasks)
	}
	return query(ctx, l.in, `SELECT m.id FROM messages m WHERE m.project_id = $1 AND m.status = 'STREAMING'
		UNION ALL SELECT c.id FROM tool_calls c WHERE c.project_id = $1 AND c.state IN ('PLANNED', 'RUNNING', 'WAITING')
		UNION ALL SELECT r.id FROM runs r WHERE r.project_id = $1 AND r.state NOT IN ('SUCCEEDED')`, func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		c.wrong("%s of %s has no end, or a bad one", id, project)
		return nil
	}, project)
}
