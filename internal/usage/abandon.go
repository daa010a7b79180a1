package usage

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/reservation"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/store"
)

// Open says whether a run has calls that are not settled.
func (l *Ledger) Open(ctx context.Context, c *ent.Client, runID string) (bool, error) {
	return c.Reservation.Query().Where(reservation.RunID(runID)).Exist(ctx)
}

// Abandon settles the calls that runs have left open: those of workers that are gone.
// Nobody can tell how far they came, so that each counts with all that it could cost;
// what the vendor bills is no more.
func (l *Ledger) Abandon(ctx context.Context, tx *store.Tx, runs ...*ent.Run) ([]*Settled, error) {
	byID := make(map[string]*ent.Run, len(runs))
	ids := make([]string, len(runs))
	for i, r := range runs {
		byID[r.ID], ids[i] = r, r.ID
	}
	open, err := tx.Ent.Reservation.Query().Where(reservation.RunIDIn(ids...)).Order(ent.Asc(reservation.FieldID)).All(ctx)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	accounts := make([]Account, len(open))
	var subjects []string
	for i, o := range open {
		if accounts[i], err = AccountOf(ctx, tx.Ent, byID[o.RunID]); err != nil {
			return nil, err
		}
		accounts[i].RootRunID = o.RootRunID
		subjects = append(subjects, accounts[i].subjects()...)
	}
	// All of them at once, and not each call's after the other's, for the order's sake.
	if err := shareBudgets(ctx, tx); err != nil {
		return nil, err
	}
	if _, err := lock(ctx, tx, subjects...); err != nil {
		return nil, err
	}
	all := make([]*Settled, len(open))
	for i, o := range open {
		if all[i], err = l.abandon(ctx, tx, accounts[i], o); err != nil {
			return nil, fmt.Errorf("settle the abandoned call %s: %w", o.ID, err)
		}
	}
	return all, nil
}

func (l *Ledger) abandon(ctx context.Context, tx *store.Tx, a Account, o *ent.Reservation) (*Settled, error) {
	r := &Reservation{ID: o.ID, Amount: o.Amount, Input: o.InputTokens, Output: o.OutputTokens, At: o.CreatedAt, spendings: o.Spendings}
	return l.settle(ctx, tx, r, Record{
		Account: a, Step: o.Step, Attempt: o.Attempt, Provider: o.Provider, Model: o.Model, Reason: o.Reason,
		Price: &catalogue.Price{AsOf: o.PriceAsOf}, // of which only the day is written
		Usage: llm.Usage{InputTokens: o.InputTokens, OutputTokens: o.OutputTokens}, Estimated: true,
		Outcome: enum.CallAbandoned, Began: o.CreatedAt, Latency: max(0, l.now().Sub(o.CreatedAt)),
	}, &o.Amount)
}
