// Package usage counts what calls of models cost and keeps them within budgets.
//
// A call under a budget is reserved before it is made: its worst case is added to what
// is reserved of every budget above its run, in one transaction that has locked them
// all, and only if each has the room. After the call it is settled, in the transaction
// that writes what came of it: its cost moves from reserved to spent and its record is
// written. So at any moment what is spent and what calls under way may still cost is
// within the limit, however many call at once; and what is spent of a budget is the sum
// of the records below it.
//
// Locks are taken in one order by everybody: within a process the budgets' turns, then
// the run's row, then the budgets' rows by id, then the stream's row.
package usage

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/budget"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/spending"
	"github.com/zeblit/zeblit/internal/store"
)

// Ledger reserves and settles. It works as the engine, within the caller's transaction,
// which must hold the run's row: one run has one writer.
type Ledger struct {
	logger *slog.Logger
	now    func() time.Time
	turns  turns
}

// New makes a Ledger.
func New(logger *slog.Logger) *Ledger { return &Ledger{logger: logger, now: store.Now} }

// Account says who a call is for: all whose budgets it counts to.
type Account struct {
	OrganisationID, ProjectID, RunID string
	// RootRunID is the run that a person asked for, where RunID is a child of it; else
	// it is RunID.
	RootRunID               string
	ConversationID, AgentID string
	UserID                  string // whose message is answered
}

// AccountOf is the account of a run.
func AccountOf(ctx context.Context, c *ent.Client, r *ent.Run) (Account, error) {
	p, err := c.Project.Get(ctx, r.ProjectID)
	if err != nil {
		return Account{}, fmt.Errorf("read the project of run %s: %w", r.ID, err)
	}
	return AccountIn(p, r), nil
}

// AccountIn is the account of a run of project p.
func AccountIn(p *ent.Project, r *ent.Run) Account {
	return Account{
		OrganisationID: p.OrganisationID, ProjectID: p.ID, RunID: r.ID, RootRunID: cmp.Or(r.RootID, r.ID),
		ConversationID: r.ConversationID, AgentID: r.AgentID, UserID: r.UserID,
	}
}

// subjects are the words that the account's budgets are found by.
func (a Account) subjects() []string {
	return []string{
		subject(enum.BudgetInstance),
		subject(enum.BudgetOrganisation, a.OrganisationID),
		subject(enum.BudgetProject, a.ProjectID),
		subject(enum.BudgetUser, a.UserID),
		subject(enum.BudgetUser, a.UserID, a.OrganisationID),
		subject(enum.BudgetAgent, a.ProjectID, a.AgentID),
		subject(enum.BudgetRun, a.RootRunID),
	}
}

func subject(scope enum.BudgetScope, ids ...string) string {
	s := string(scope)
	for _, id := range ids {
		s += " " + id
	}
	return s
}

// Bounded says whether there is any budget above the account: without one, calls need
// no reservation.
func (l *Ledger) Bounded(ctx context.Context, c *ent.Client, a Account) (bool, error) {
	found, err := c.Budget.Query().Where(budget.SubjectIn(a.subjects()...)).Exist(ctx)
	if err != nil {
		return false, fmt.Errorf("look for budgets: %w", err)
	}
	return found, nil
}

// held is a budget whose row this transaction has locked, with what is spent of it in
// one of its periods.
type held struct {
	*ent.Budget
	spending *ent.Spending
}

// lock takes the rows of all budgets with those subjects, in the order of their ids.
func lock(ctx context.Context, tx *store.Tx, subjects ...string) ([]*ent.Budget, error) {
	query := tx.Ent.Budget.Query().Where(budget.SubjectIn(subjects...)).Order(ent.Asc(budget.FieldID))
	if postgres(tx) { // SQLite has one writer
		query.ForUpdate()
	}
	budgets, err := query.All(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the budgets: %w", err)
	}
	return budgets, nil
}

// hold locks the budgets above the account and finds what is spent of each in the period
// of at.
func (l *Ledger) hold(ctx context.Context, tx *store.Tx, a Account, at time.Time) ([]held, error) {
	budgets, err := lock(ctx, tx, a.subjects()...)
	if err != nil {
		return nil, err
	}
	if len(budgets) == 0 {
		return nil, nil
	}
	periods := make([]predicate.Spending, len(budgets))
	for i, b := range budgets {
		periods[i] = spending.And(spending.BudgetID(b.ID), spending.Period(periodOf(b.Period, a.RootRunID, at)))
	}
	found, err := tx.Ent.Spending.Query().Where(spending.Or(periods...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("what is spent of the budgets: %w", err)
	}
	of := make(map[string]*ent.Spending, len(found))
	for _, s := range found {
		of[s.BudgetID] = s
	}
	all := make([]held, len(budgets))
	for i, b := range budgets {
		s := of[b.ID]
		if s == nil {
			if s, err = spendingOf(ctx, tx, b, a, at); err != nil {
				return nil, fmt.Errorf("what is spent of budget %s: %w", b.ID, err)
			}
		}
		all[i] = held{b, s}
	}
	return all, nil
}
