package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zeblit/zeblit/internal/faults/faulttest"
	"github.com/zeblit/zeblit/internal/money"
)

// budget tries on both databases, each time on a fresh installation, that no budget is
// overspent and no spending lost.
func budget(ctx context.Context, t *trial, s settings) (section, error) {
	var rows table
	good := true
	for _, sqlite := range []bool{false, true} {
		name := "PostgreSQL, two servers and three workers"
		if sqlite {
			name = "SQLite, one server"
		}
		var held, kills, abandoned, requests, succeeded, paused int
		var most, spent int64
		for i := range s.budgets {
			one, err := oneBudget(ctx, t, s.seed+int64(i), sqlite)
			if err != nil {
				return section{}, err
			}
			t.options.Logf("%s, trial %d: %s", name, i+1, one)
			if one.Good() {
				held++
			}
			kills, abandoned, requests = kills+one.Kills, abandoned+one.Abandoned, requests+one.Requests
			succeeded, paused = succeeded+one.Succeeded, paused+one.Paused
			most, spent = max(most, one.Most), max(spent, one.Spent)
		}
		good = good && held == s.budgets && abandoned > 0
		rows.row("**"+name+": trials in which spent ≤ $1, the ledger = the sum of the records = no less than the vendor bills**", "**%d of %d**", held, s.budgets)
		rows.row("kill -9; calls then settled by who took the run over", "%d; %d", kills, abandoned)
		rows.row("requests that the vendor billed", "%d", requests)
		rows.row("most spent; most spent and reserved at once, in any trial", "%s; %s", money.Format(spent), money.Format(most))
		rows.row("runs that succeeded; that are paused until the budget is raised", "%d; %d", succeeded, paused)
	}
	return section{rows.String(), good}, nil
}

// oneBudget has what it needs end with it.
func oneBudget(ctx context.Context, t *trial, seed int64, sqlite bool) (*faulttest.Spent, error) {
	one := &trial{options: t.options}
	one.options.Seed, one.options.SQLite = seed, sqlite
	one.options.Dir = filepath.Join(t.options.Dir, fmt.Sprintf("%t-%d", sqlite, seed))
	if err := os.Mkdir(one.options.Dir, 0o755); err != nil {
		return nil, err
	}
	var spent *faulttest.Spent
	err := one.within(func() (err error) {
		spent, err = faulttest.Spend(ctx, one, one.options)
		return err
	})
	return spent, err
}
