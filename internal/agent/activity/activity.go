// Package activity tells what the agents of a project are doing, and how it went.
package activity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/run"
)

// Member is an agent in a project.
type Member struct {
	Agent   *ent.Agent
	Project *ent.Project
	// Running, Waiting and Queued count its runs that haven't ended: those that are worked
	// on, those that wait for people, other agents or to go on, and those whose turn is yet
	// to come.
	Running, Waiting, Queued int
	// CompletedToday are its runs that have succeeded since midnight, UTC.
	CompletedToday int
	// LastActiveAt is when one of its runs last began or ended; nil: none ever has.
	LastActiveAt *time.Time
}

// Metrics are the runs of an agent that began within some days.
type Metrics struct {
	Runs, Succeeded, Failed, Cancelled int
	// Seconds is how long those that have ended took, waiting included, added up.
	Seconds float64
	// BusiestDay is the day, of UTC, on which most began; nil without any.
	BusiestDay *string
}

// SuccessRate is which part of those that succeeded or failed has succeeded.
func (m *Metrics) SuccessRate() *float64 { return ratio(float64(m.Succeeded), m.Succeeded+m.Failed) }

// MeanSeconds is how long those that have ended took.
func (m *Metrics) MeanSeconds() *float64 {
	return ratio(m.Seconds, m.Succeeded+m.Failed+m.Cancelled)
}

func ratio(part float64, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	r := part / float64(whole)
	return &r
}

// Crew are the agents of a project, in the order of their ids.
func Crew(ctx context.Context, c *ent.Client, p *ent.Project, now time.Time) ([]*Member, error) {
	agents, err := c.Agent.Query().Order(ent.Asc("id")).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the agents: %w", err)
	}
	by := make(map[string]*Member, len(agents))
	crew := make([]*Member, len(agents))
	for i, a := range agents {
		crew[i] = &Member{Agent: a, Project: p}
		by[a.ID] = crew[i]
	}
	var open []struct {
		AgentID string        `json:"agent_id"`
		State   enum.RunState `json:"state"`
		Count   int           `json:"count"`
	}
	err = c.Run.Query().Where(run.ProjectID(p.ID), run.StateNotIn(enum.RunSucceeded, enum.RunFailed, enum.RunCancelled)).
		GroupBy(run.FieldAgentID, run.FieldState).Aggregate(ent.Count()).Scan(ctx, &open)
	if err != nil {
		return nil, fmt.Errorf("count the runs under way: %w", err)
	}
	for _, row := range open {
		m := by[row.AgentID]
		if m == nil {
			continue
		}
		switch row.State {
		case enum.RunRunning:
			m.Running += row.Count
		case enum.RunQueued:
			m.Queued += row.Count
		default:
			m.Waiting += row.Count
		}
	}
	midnight := now.UTC().Truncate(24 * time.Hour)
	if err := completed(ctx, c, p.ID, midnight, by); err != nil {
		return nil, err
	}
	for _, m := range crew {
		if m.LastActiveAt, err = lastActive(ctx, c, p.ID, m.Agent.ID); err != nil {
			return nil, err
		}
	}
	return crew, nil
}

func completed(ctx context.Context, c *ent.Client, projectID string, since time.Time, by map[string]*Member) error {
	var rows []struct {
		AgentID string `json:"agent_id"`
		Count   int    `json:"count"`
	}
	err := c.Run.Query().Where(run.ProjectID(projectID), run.StateEQ(enum.RunSucceeded), run.FinishedAtGTE(since)).
		GroupBy(run.FieldAgentID).Aggregate(ent.Count()).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("count today's runs: %w", err)
	}
	for _, row := range rows {
		if m := by[row.AgentID]; m != nil {
			m.CompletedToday = row.Count
		}
	}
	return nil
}

func lastActive(ctx context.Context, c *ent.Client, projectID, agentID string) (*time.Time, error) {
	var last *time.Time
	for _, field := range []string{run.FieldStartedAt, run.FieldFinishedAt} {
		r, err := c.Run.Query().Where(run.ProjectID(projectID), run.AgentID(agentID), predicate.Run(sql.FieldNotNull(field))).
			Order(ent.Desc(field)).First(ctx)
		if ent.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for an agent's last run: %w", err)
		}
		at := r.StartedAt
		if field == run.FieldFinishedAt {
			at = r.FinishedAt
		}
		if last == nil || at.After(*last) {
			last = at
		}
	}
	return last, nil
}

// Measure adds up the member's runs that began since a moment.
func (m *Member) Measure(ctx context.Context, c *ent.Client, dialectName string, since time.Time) (*Metrics, error) {
	seconds := "(julianday(finished_at) - julianday(started_at)) * 86400.0"
	day := "substr(created_at, 1, 10)"
	if dialectName == dialect.Postgres {
		seconds = "CAST(EXTRACT(EPOCH FROM finished_at - started_at) AS double precision)"
		day = "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
	}
	var rows []struct {
		Day     string        `sql:"day"`
		State   enum.RunState `sql:"state"`
		Count   int           `sql:"count"`
		Seconds float64       `sql:"seconds"`
	}
	err := c.Run.Query().Where(run.ProjectID(m.Project.ID), run.AgentID(m.Agent.ID), run.CreatedAtGTE(since)).
		Modify(func(s *sql.Selector) {
			s.Select().AppendSelectExpr(
				sql.ExprP(day+" AS day"), sql.ExprP("state"), sql.ExprP("COUNT(*) AS count"), sql.ExprP("COALESCE(SUM("+seconds+"), 0.0) AS seconds"),
			).GroupBy("day", "state")
		}).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("add up the runs of agent %s: %w", m.Agent.Slug, err)
	}
	out := &Metrics{}
	days := map[string]int{}
	for _, row := range rows {
		out.Runs += row.Count
		out.Seconds += row.Seconds
		days[row.Day] += row.Count
		switch row.State {
		case enum.RunSucceeded:
			out.Succeeded += row.Count
		case enum.RunFailed:
			out.Failed += row.Count
		case enum.RunCancelled:
			out.Cancelled += row.Count
		}
	}
	most := 0
	for _, name := range slices.Sorted(maps.Keys(days)) {
		if days[name] > most {
			out.BusiestDay, most = &name, days[name]
		}
	}
	return out, nil
}
