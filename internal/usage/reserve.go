package usage

import (
	"context"
	"fmt"
	"math"
	"sort"
	"time"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/spending"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/money"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Call is a call of a model that is about to be made.
type Call struct {
	Account
	Epoch         int64
	Step, Attempt int

	Provider, Model string
	Reason          string           // why this model was chosen
	Price           *catalogue.Price // nil: it has none

	// Input is the most tokens that it can read: see Bound.
	Input int64
	// Output is the most tokens that it is to write, and Least how few are of use: where
	// the budgets leave less room than for Output, but enough for Least, the reservation
	// has a lower limit. Least is Output where it is 0, or more than that.
	Output, Least int64
}

// Reservation is what a call may cost, taken from all budgets above it.
type Reservation struct {
	ID string
	// Amount is the most that the call can cost, in nano-dollars.
	Amount int64
	// Input and Output are the most tokens that it can read and write. The call must be
	// made with Output as its limit.
	Input, Output int64
	// Lowered says that Output is less than was asked for.
	Lowered bool
	// At is when the call began: its periods are those of this moment.
	At time.Time

	spendings []string
}

// Exceeded says that a call doesn't fit into a budget. All amounts are in nano-dollars.
type Exceeded struct {
	Budget          *ent.Budget // the one with the least room
	Period          string
	Spent, Reserved int64
	// Needed is what the call may cost, with the fewest tokens of output that are of use.
	Needed int64
	// HeldByOthers says that it would fit if the calls under way cost nothing: it may
	// fit once they are settled.
	HeldByOthers bool
}

// Left is the room that the budget has for further calls.
func (e *Exceeded) Left() int64 { return max(0, e.Budget.LimitNano-e.Spent-e.Reserved) }

func (e *Exceeded) Error() string {
	return fmt.Sprintf("a call that may cost %s doesn't fit into budget %s: of %s are %s spent and %s reserved",
		money.Format(e.Needed), e.Budget.ID, money.Format(e.Budget.LimitNano), money.Format(e.Spent), money.Format(e.Reserved))
}

// Reserve takes a call's worst case from every budget above it. Without any it returns
// nil. It fails with *Exceeded where one has too little room, and then takes nothing;
// and with PRECONDITION_FAILED where the model has no price, since nobody could tell
// what it costs.
func (l *Ledger) Reserve(ctx context.Context, tx *store.Tx, c Call) (*Reservation, error) {
	at := l.now()
	budgets, err := l.hold(ctx, tx, c.Account, at)
	if err != nil || len(budgets) == 0 {
		return nil, err
	}
	if c.Price == nil {
		return nil, problem.New(problem.PreconditionFailed,
			"the model %s of %s has no price, and a budget applies: give it a price, choose another, or delete the budget", c.Model, c.Provider)
	}
	r := &Reservation{Input: c.Input, Output: c.Output, At: at}
	room := int64(math.MaxInt64)
	for _, b := range budgets {
		room = min(room, b.room())
	}
	if r.Amount = c.Price.Worst(r.Input, r.Output); r.Amount > room {
		if r.Output = outputWithin(*c.Price, c.Input, room, c.Output); r.Output < c.least() {
			return nil, exceeded(budgets, c)
		}
		r.Amount, r.Lowered = c.Price.Worst(r.Input, r.Output), true
	}
	for _, b := range budgets {
		if err := tx.Ent.Spending.Update().Where(spending.ID(b.spending.ID)).AddReserved(r.Amount).Exec(ctx); err != nil {
			return nil, fmt.Errorf("reserve from budget %s: %w", b.ID, err)
		}
		r.spendings = append(r.spendings, b.spending.ID)
	}
	made, err := tx.Ent.Reservation.Create().SetCreatedAt(at).SetRunID(c.RunID).SetRootRunID(c.RootRunID).
		SetEpoch(c.Epoch).SetStep(c.Step).SetAttempt(c.Attempt).
		SetProvider(c.Provider).SetModel(c.Model).SetReason(c.Reason).SetPriceAsOf(c.Price.AsOf).
		SetAmount(r.Amount).SetInputTokens(r.Input).SetOutputTokens(r.Output).SetSpendings(r.spendings).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("reserve: %w", err)
	}
	r.ID = made.ID
	return r, nil
}

// room is what further calls may cost. It is never below 0: a call that costs nothing
// always fits.
func (h held) room() int64 { return max(0, h.LimitNano-h.spending.Spent-h.spending.Reserved) }

func (c Call) least() int64 {
	if c.Least <= 0 || c.Least > c.Output {
		return c.Output
	}
	return c.Least
}

// outputWithin is the most tokens of output, up to most, with which the call costs no
// more than room; negative when none do.
func outputWithin(p catalogue.Price, input, room, most int64) int64 {
	return int64(sort.Search(int(most)+1, func(n int) bool { return p.Worst(input, int64(n)) > room })) - 1
}

func exceeded(budgets []held, c Call) *Exceeded {
	tightest := budgets[0]
	needed := c.Price.Worst(c.Input, c.least())
	others := true
	for _, b := range budgets {
		if b.room() < tightest.room() {
			tightest = b
		}
		others = others && needed <= max(0, b.LimitNano-b.spending.Spent)
	}
	return &Exceeded{
		Budget: tightest.Budget, Period: tightest.spending.Period,
		Spent: tightest.spending.Spent, Reserved: tightest.spending.Reserved,
		Needed: needed, HeldByOthers: others,
	}
}
