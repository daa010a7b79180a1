package usage

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/reservation"
	"github.com/zeblit/zeblit/ent/spending"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/store"
)

// Record is what came of a call.
type Record struct {
	Account
	Step, Attempt   int
	Provider, Model string
	Reason          string
	Price           *catalogue.Price // nil: it has none

	Usage llm.Usage
	// Estimated says that the vendor told nothing, and Usage is the most that it can be.
	Estimated bool
	Outcome   enum.CallOutcome

	// Began is when the call began; of one with a reservation that is the reservation's.
	Began      time.Time
	Latency    time.Duration
	FirstToken time.Duration // 0: no text came
}

// Settled is a call whose record is written.
type Settled struct {
	Record *ent.UsageRecord
	// Total is what the whole run has used, with it.
	Total Totals
	// Reached are the budgets of which a level was passed.
	Reached []Reached
}

// Reached says that so much of a budget is spent.
type Reached struct {
	Budget *ent.Budget
	Period string
	Level  int   // 50, 80, 90 or 100 percent
	Spent  int64 // nano-dollars
}

// levels are the percentages at which people are told, once in each period.
var levels = []int{50, 80, 90, 100}

// levelOf is the highest level that is reached with so much spent; 0 is none.
func levelOf(spent, limit int64) int {
	reached := 0
	spentHigh, spentLow := bits.Mul64(uint64(max(0, spent)), 100)
	for _, level := range levels {
		high, low := bits.Mul64(uint64(limit), uint64(level))
		if spentHigh > high || spentHigh == high && spentLow >= low {
			reached = level
		}
	}
	return reached
}

// errSettled says that a reservation isn't there any more.
var errSettled = errors.New("the call is settled already")

// Settle writes the record of a call and moves its cost from what is reserved to what
// is spent. r is what Reserve returned for it; nil where there was no budget.
//
// What a call is estimated to have cost is never more than was reserved. What the vendor
// bills is the truth, also where that is more.
func (l *Ledger) Settle(ctx context.Context, tx *store.Tx, r *Reservation, rec Record) (*Settled, error) {
	var cost *int64
	if rec.Price != nil {
		c := rec.Price.Cost(rec.Usage)
		if r != nil && c > r.Amount {
			if rec.Estimated {
				c = r.Amount
			} else {
				l.logger.ErrorContext(ctx, "a vendor bills more than a call could cost", "run", rec.RunID, "provider", rec.Provider, "model", rec.Model,
					"billed", money.Format(c), "reserved", money.Format(r.Amount), "usage", rec.Usage)
			}
		}
		cost = &c
	}
	if r != nil {
		rec.Began = r.At
	}
	return l.settle(ctx, tx, r, rec, cost)
}

func (l *Ledger) settle(ctx context.Context, tx *store.Tx, r *Reservation, rec Record, cost *int64) (*Settled, error) {
	if rec.Began.IsZero() {
		rec.Began = l.now()
	}
	// The budgets come first, since what is spent of one that is new is added up from
	// the records.
	if err := shareBudgets(ctx, tx); err != nil {
		return nil, err
	}
	budgets, err := l.hold(ctx, tx, rec.Account, rec.Began)
	if err != nil {
		return nil, err
	}
	if r != nil {
		n, err := tx.Ent.Reservation.Delete().Where(reservation.ID(r.ID)).Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("release reservation %s: %w", r.ID, err)
		}
		if n == 0 {
			return nil, errSettled
		}
	}
	s := &Settled{}
	for _, b := range budgets {
		reached, err := b.settle(ctx, tx, r, cost)
		if err != nil {
			return nil, fmt.Errorf("settle with budget %s: %w", b.ID, err)
		}
		s.Reached = append(s.Reached, reached...)
	}
	if s.Record, err = write(ctx, tx, rec, cost); err != nil {
		return nil, fmt.Errorf("record a call: %w", err)
	}
	totals, err := ByRun(ctx, tx.Ent, rec.RunID)
	if err != nil {
		return nil, err
	}
	s.Total = totals[rec.RunID]
	return s, nil
}

// settle moves the cost of a call within one budget. A budget that was made after the
// call began holds nothing of it.
func (h held) settle(ctx context.Context, tx *store.Tx, r *Reservation, cost *int64) ([]Reached, error) {
	update := tx.Ent.Spending.Update().Where(spending.ID(h.spending.ID))
	spent := h.spending.Spent
	if cost != nil {
		spent += *cost
		update.AddSpent(*cost)
	}
	if r.holds(h.spending.ID) {
		update.AddReserved(-r.Amount)
	}
	// With a limit that was raised meanwhile, a level that was told of is yet to come.
	warned := min(h.spending.Warned, levelOf(h.spending.Spent, h.LimitNano))
	level := levelOf(spent, h.LimitNano)
	if err := update.SetWarned(max(warned, level)).Exec(ctx); err != nil {
		return nil, err
	}
	if level <= warned {
		return nil, nil
	}
	return []Reached{{Budget: h.Budget, Period: h.spending.Period, Level: level, Spent: spent}}, nil
}

func (r *Reservation) holds(spendingID string) bool {
	if r == nil {
		return false
	}
	for _, id := range r.spendings {
		if id == spendingID {
			return true
		}
	}
	return false
}

func write(ctx context.Context, tx *store.Tx, rec Record, cost *int64) (*ent.UsageRecord, error) {
	create := tx.Ent.UsageRecord.Create().SetCreatedAt(rec.Began).
		SetOrganisationID(rec.OrganisationID).SetProjectID(rec.ProjectID).
		SetRunID(rec.RunID).SetRootRunID(rec.RootRunID).SetConversationID(rec.ConversationID).
		SetAgentID(rec.AgentID).SetUserID(rec.UserID).SetStep(rec.Step).SetAttempt(rec.Attempt).
		SetProvider(rec.Provider).SetModel(rec.Model).SetReason(rec.Reason).
		SetInputTokens(rec.Usage.InputTokens).SetOutputTokens(rec.Usage.OutputTokens).
		SetCacheReadTokens(rec.Usage.CacheReadTokens).SetCacheWriteTokens(rec.Usage.CacheWriteTokens).
		SetReasoningTokens(rec.Usage.ReasoningTokens).
		SetNillableCost(cost).SetEstimated(rec.Estimated).SetOutcome(rec.Outcome).
		SetLatency(rec.Latency.Milliseconds())
	if rec.Price != nil {
		create.SetPriceAsOf(rec.Price.AsOf)
	}
	if rec.FirstToken > 0 {
		create.SetFirstToken(rec.FirstToken.Milliseconds())
	}
	return create.Save(ctx)
}

// budgetsLock is the advisory lock that orders the making of budgets and settling.
const budgetsLock = 0x7a62_6275_6467 // "zbbudg"

// shareBudgets keeps budgets from being made until the transaction ends: of one that is
// made while a call is settled, neither would count the other.
func shareBudgets(ctx context.Context, tx *store.Tx) error {
	return lockBudgets(ctx, tx, "pg_advisory_xact_lock_shared")
}

// makeBudgets waits until nobody settles, and keeps all from it until the transaction
// ends.
func makeBudgets(ctx context.Context, tx *store.Tx) error {
	return lockBudgets(ctx, tx, "pg_advisory_xact_lock")
}

func lockBudgets(ctx context.Context, tx *store.Tx, how string) error {
	if !postgres(tx) {
		return nil
	}
	if _, err := tx.SQL.ExecContext(ctx, "SELECT "+how+"($1)", int64(budgetsLock)); err != nil {
		return fmt.Errorf("wait for those who make budgets: %w", err)
	}
	return nil
}

func postgres(tx *store.Tx) bool { return tx.Dialect == dialect.Postgres }
