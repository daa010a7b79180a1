package usage

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/spending"
	"github.com/zeblit/zeblit/ent/usagerecord"
	"github.com/zeblit/zeblit/internal/store"
)

// Days and months are of UTC.
const (
	dayFormat   = "2006-01-02"
	monthFormat = "2006-01"
)

// periodOf names the budget's period in which a call falls that began at at.
func periodOf(p enum.BudgetPeriod, rootRunID string, at time.Time) string {
	switch p {
	case enum.PeriodRun:
		return rootRunID
	case enum.PeriodDay:
		return at.UTC().Format(dayFormat)
	case enum.PeriodMonth:
		return at.UTC().Format(monthFormat)
	}
	return ""
}

// bounds are when the period of at begins and ends; ok is false for one that has no
// bounds in time.
func bounds(p enum.BudgetPeriod, at time.Time) (from, to time.Time, ok bool) {
	y, m, d := at.UTC().Date()
	switch p {
	case enum.PeriodDay:
		from = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 0, 1), true
	case enum.PeriodMonth:
		from = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 1, 0), true
	}
	return from, to, false
}

// spendingOf finds the row of the budget's period, whose budget is locked. The first to
// need it makes it, of the records that there are already.
func spendingOf(ctx context.Context, tx *store.Tx, b *ent.Budget, a Account, at time.Time) (*ent.Spending, error) {
	period := periodOf(b.Period, a.RootRunID, at)
	s, err := tx.Ent.Spending.Query().Where(spending.BudgetID(b.ID), spending.Period(period)).Only(ctx)
	if !ent.IsNotFound(err) {
		return s, err
	}
	spent, err := recorded(ctx, tx.Ent, below(b, a.RootRunID, at)...)
	if err != nil {
		return nil, err
	}
	return tx.Ent.Spending.Create().SetBudgetID(b.ID).SetPeriod(period).SetSpent(spent).
		SetWarned(levelOf(spent, b.LimitNano)).Save(ctx)
}

// below holds for the records that count to the budget's period of at.
func below(b *ent.Budget, rootRunID string, at time.Time) []predicate.UsageRecord {
	var all []predicate.UsageRecord
	add := func(p predicate.UsageRecord) { all = append(all, p) }
	if b.OrganisationID != nil {
		add(usagerecord.OrganisationID(*b.OrganisationID))
	}
	if b.ProjectID != nil {
		add(usagerecord.ProjectID(*b.ProjectID))
	}
	if b.UserID != nil {
		add(usagerecord.UserID(*b.UserID))
	}
	if b.AgentID != nil {
		add(usagerecord.AgentID(*b.AgentID))
	}
	if b.RunID != nil {
		add(usagerecord.RootRunID(*b.RunID))
	}
	if b.Period == enum.PeriodRun {
		add(usagerecord.RootRunID(rootRunID))
	}
	if from, to, ok := bounds(b.Period, at); ok {
		add(usagerecord.CreatedAtGTE(from))
		add(usagerecord.CreatedAtLT(to))
	}
	return all
}

// recorded is the sum of the records' costs, in nano-dollars.
func recorded(ctx context.Context, c *ent.Client, where ...predicate.UsageRecord) (int64, error) {
	var sums []struct {
		Total int64 `json:"total"`
	}
	err := c.UsageRecord.Query().Where(where...).Modify(func(s *sql.Selector) {
		s.SelectExpr(sql.Raw(fmt.Sprintf("CAST(COALESCE(SUM(%s), 0) AS bigint) AS total", s.C(usagerecord.FieldCost))))
	}).Scan(ctx, &sums)
	if err != nil {
		return 0, fmt.Errorf("add up records: %w", err)
	}
	return sums[0].Total, nil
}
