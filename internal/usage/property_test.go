package usage_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/usagerecord"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store/storetest"
	"github.com/zeblit/zeblit/internal/usage"
)

// TestWhateverHappensTheLedgerIsRight does at random what can happen to calls and
// budgets. After each step what is spent of every budget is the sum of its records, and
// what is reserved is the sum of the reservations that are open; and no reservation ever
// took what wasn't there.
func TestWhateverHappensTheLedgerIsRight(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		_, err := b.db.SQL.Exec("UPDATE users SET admin = true")
		require.NoError(t, err)
		runs := []*ent.Run{b.run, storetest.Run(t, b.db, b.project, enum.RunRunning)}
		other := storetest.Project(t, b.db, b.owner, "Q")
		runs = append(runs, storetest.Run(t, b.db, other, enum.RunRunning))
		rapid.Check(t, func(rt *rapid.T) {
			for _, table := range []string{"reservations", "usage_records", "spendings", "budgets"} {
				_, err := b.db.SQL.Exec("DELETE FROM " + table)
				require.NoError(rt, err)
			}
			b.now = time.Date(2026, 1, 30, 20, 0, 0, 0, time.UTC)
			m := &model{t: rt, b: b, runs: runs, other: other, open: map[*ent.Run][]*underWay{}, reserved: map[string]int64{}}
			m.set()
			steps := 30
			if storetest.IsPostgres(b.db) {
				steps = 15
			}
			for range rapid.IntRange(5, steps).Draw(rt, "steps") {
				m.step()
				m.check()
			}
		})
	})
}

type model struct {
	t        *rapid.T
	b        *testBundle
	runs     []*ent.Run
	other    *ent.Project
	open     map[*ent.Run][]*underWay
	reserved map[string]int64 // by spending: what is open
}

// underWay is a call that was reserved, if there was a budget.
type underWay struct {
	call        usage.Call
	reservation *usage.Reservation
	spendings   []string
}

func (m *model) step() {
	run := m.runs[rapid.IntRange(0, len(m.runs)-1).Draw(m.t, "run")]
	switch rapid.SampledFrom([]string{"reserve", "reserve", "reserve", "settle", "settle", "fail", "abandon", "later", "set", "set", "delete"}).Draw(m.t, "what") {
	case "reserve":
		m.reserve(run)
	case "settle":
		m.settle(run, false)
	case "fail":
		m.settle(run, true)
	case "abandon":
		_, err := m.b.abandon(run)
		require.NoError(m.t, err)
		m.open[run] = slices.DeleteFunc(m.open[run], func(c *underWay) bool {
			m.release(c)
			return c.reservation != nil // of a call without one nobody knows
		})
	case "later":
		m.b.now = m.b.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(m.t, "hours")) * time.Hour)
	case "set":
		m.set()
	case "delete":
		ids, err := m.b.db.Ent.Budget.Query().IDs(m.unchecked())
		require.NoError(m.t, err)
		if len(ids) > 0 {
			require.NoError(m.t, m.b.budgets.Delete(m.viewer(), rapid.SampledFrom(ids).Draw(m.t, "budget")))
		}
	}
}

func (m *model) viewer() context.Context {
	return access.WithViewer(context.Background(), m.b.owner)
}

func (m *model) unchecked() context.Context { return storetest.Unchecked(context.Background()) }

// set makes a budget of any scope, or raises or lowers the one there is.
func (m *model) set() {
	in := usage.SetInput{
		Scope:  rapid.SampledFrom([]enum.BudgetScope{enum.BudgetInstance, enum.BudgetOrganisation, enum.BudgetProject, enum.BudgetUser, enum.BudgetAgent, enum.BudgetRun}).Draw(m.t, "scope"),
		Period: rapid.SampledFrom([]enum.BudgetPeriod{enum.PeriodRun, enum.PeriodDay, enum.PeriodMonth, enum.PeriodTotal}).Draw(m.t, "period"),
		Limit:  rapid.Int64Range(1, 1000).Draw(m.t, "limit"),
	}
	switch in.Scope {
	case enum.BudgetOrganisation:
		in.OrganisationID = m.b.project.OrganisationID
	case enum.BudgetProject:
		in.ProjectID = rapid.SampledFrom([]string{m.b.project.ID, m.other.ID}).Draw(m.t, "project")
	case enum.BudgetUser:
		in.UserID = m.b.owner.UserID
		in.OrganisationID = rapid.SampledFrom([]string{"", m.b.project.OrganisationID}).Draw(m.t, "organisation")
	case enum.BudgetAgent:
		in.ProjectID, in.Agent = m.b.project.ID, "engineer"
	case enum.BudgetRun:
		in.RunID, in.Period = m.runs[0].ID, enum.PeriodTotal
	}
	_, err := m.b.budgets.Set(m.viewer(), in)
	require.NoError(m.t, err)
}

func (m *model) reserve(run *ent.Run) {
	c := m.b.call(m.t, run, rapid.Int64Range(1, 400).Draw(m.t, "output"))
	c.Least = rapid.Int64Range(0, 400).Draw(m.t, "least")
	before := m.spendings()
	r, err := m.b.reserve(c)
	after := m.spendings()
	taken := &underWay{call: c, reservation: r}
	for id, s := range after {
		was := int64(0)
		if b := before[id]; b != nil {
			was = b.Reserved
		}
		if s.Reserved == was {
			continue
		}
		require.NoError(m.t, err, "who is refused takes nothing")
		require.Equal(m.t, r.Amount, s.Reserved-was)
		require.LessOrEqual(m.t, s.Spent+s.Reserved, s.Edges.Budget.LimitNano)
		taken.spendings = append(taken.spendings, id)
		m.reserved[id] += r.Amount
	}
	if err != nil {
		var exceeded *usage.Exceeded
		require.ErrorAs(m.t, err, &exceeded)
		require.Greater(m.t, exceeded.Needed, exceeded.Left())
		return
	}
	if r != nil {
		require.NotEmpty(m.t, taken.spendings)
		require.LessOrEqual(m.t, r.Output, c.Output)
		require.Equal(m.t, r.Output < c.Output, r.Lowered)
	}
	m.open[run] = append(m.open[run], taken)
}

// settle ends the oldest call of the run, which never costs more than it could.
func (m *model) settle(run *ent.Run, estimated bool) {
	if len(m.open[run]) == 0 {
		return
	}
	c := m.open[run][0]
	m.open[run] = m.open[run][1:]
	most := c.call.Output
	if c.reservation != nil {
		most = c.reservation.Output
	}
	rec := record(c.call, rapid.Int64Range(0, most).Draw(m.t, "written"))
	rec.Began = m.b.now
	if estimated {
		rec.Outcome, rec.Estimated, rec.Usage.OutputTokens = enum.CallInterrupted, true, 1000
	}
	s, err := m.b.settle(c.reservation, rec)
	require.NoError(m.t, err)
	if c.reservation != nil {
		require.LessOrEqual(m.t, *s.Record.Cost, c.reservation.Amount)
	}
	m.release(c)
}

func (m *model) release(c *underWay) {
	for _, id := range c.spendings {
		m.reserved[id] -= c.reservation.Amount
	}
}

func (m *model) spendings() map[string]*ent.Spending {
	all, err := m.b.db.Ent.Spending.Query().WithBudget().All(m.unchecked())
	require.NoError(m.t, err)
	byID := map[string]*ent.Spending{}
	for _, s := range all {
		byID[s.ID] = s
	}
	return byID
}

// check adds up everything by hand.
func (m *model) check() {
	records, err := m.b.db.Ent.UsageRecord.Query().Order(ent.Asc(usagerecord.FieldID)).All(m.unchecked())
	require.NoError(m.t, err)
	for id, s := range m.spendings() {
		spent := int64(0)
		for _, r := range records {
			if counts(r, s.Edges.Budget, s.Period) {
				spent += *r.Cost
			}
		}
		require.Equal(m.t, spent, s.Spent, "%s %s %s", s.Edges.Budget.Subject, s.Edges.Budget.Period, s.Period)
		require.Equal(m.t, m.reserved[id], s.Reserved, "%s %s", s.Edges.Budget.Subject, s.Period)
	}
}

// counts says, in words of its own, whether a record counts to a budget's period.
func counts(r *ent.UsageRecord, b *ent.Budget, period string) bool {
	subjects := map[enum.BudgetScope]string{
		enum.BudgetInstance: "INSTANCE", enum.BudgetOrganisation: "ORGANISATION " + r.OrganisationID,
		enum.BudgetProject: "PROJECT " + r.ProjectID, enum.BudgetUser: "USER " + r.UserID,
		enum.BudgetAgent: "AGENT " + r.ProjectID + " " + r.AgentID, enum.BudgetRun: "RUN " + r.RootRunID,
	}
	within := b.Subject == subjects[b.Scope] || b.Subject == "USER "+r.UserID+" "+r.OrganisationID
	periods := map[enum.BudgetPeriod]string{
		enum.PeriodRun: r.RootRunID, enum.PeriodTotal: "",
		enum.PeriodDay: r.CreatedAt.UTC().Format("2006-01-02"), enum.PeriodMonth: r.CreatedAt.UTC().Format("2006-01"),
	}
	return within && period == periods[b.Period]
}

func TestBadBudgetsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *testBundle) {
		project, org := b.project.ID, b.project.OrganisationID
		for _, c := range []struct {
			in    usage.SetInput
			code  problem.Code
			field string
		}{
			{usage.SetInput{Scope: enum.BudgetProject, ProjectID: project, Period: enum.PeriodDay, Limit: -1}, problem.BadInput, "limit"},
			{usage.SetInput{Scope: enum.BudgetProject, ProjectID: project, Period: enum.PeriodDay}, problem.BadInput, "limit"},
			{usage.SetInput{Scope: enum.BudgetProject, ProjectID: project, Period: enum.PeriodDay, Limit: 1<<63 - 1}, problem.BadInput, "limit"},
			{usage.SetInput{Scope: enum.BudgetProject, Period: enum.PeriodDay, Limit: 1}, problem.BadInput, "projectId"},
			{usage.SetInput{Scope: enum.BudgetProject, ProjectID: project, OrganisationID: org, Period: enum.PeriodDay, Limit: 1}, problem.BadInput, "organisationId"},
			{usage.SetInput{Scope: enum.BudgetAgent, ProjectID: project, Agent: "nobody", Period: enum.PeriodDay, Limit: 1}, problem.BadInput, "agent"},
			{usage.SetInput{Scope: enum.BudgetAgent, ProjectID: project, Period: enum.PeriodDay, Limit: 1}, problem.BadInput, "agent"},
			{usage.SetInput{Scope: enum.BudgetRun, RunID: b.run.ID, Period: enum.PeriodRun, Limit: 1}, problem.BadInput, "period"},
			{usage.SetInput{Scope: enum.BudgetRun, RunID: "run_x", Period: enum.PeriodTotal, Limit: 1}, problem.NotFound, "runId"},
			{usage.SetInput{Scope: enum.BudgetProject, ProjectID: "prj_x", Period: enum.PeriodDay, Limit: 1}, problem.NotFound, "projectId"},
			{usage.SetInput{Scope: enum.BudgetInstance, Period: enum.PeriodDay, Limit: 1}, problem.Forbidden, ""},
			{usage.SetInput{Scope: enum.BudgetUser, UserID: b.owner.UserID, Period: enum.PeriodDay, Limit: 1}, problem.Forbidden, ""},
		} {
			_, err := b.budgets.Set(access.WithViewer(context.Background(), b.owner), c.in)
			p := problem.As(err)
			require.NotNil(t, p, "%+v: %v", c.in, err)
			require.Equal(t, []string{string(c.code), c.field}, []string{string(p.Code), p.Field}, p.Message)
		}
	})
}
