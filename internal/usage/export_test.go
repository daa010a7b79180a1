package usage

import (
	"log/slog"
	"time"

	"github.com/zeblit/zeblit/internal/store"
)

// At makes a ledger whose clock is now.
func At(now func() time.Time) *Ledger {
	return &Ledger{logger: slog.New(slog.DiscardHandler), now: now}
}

// BudgetsAt makes a Budgets whose clock is now.
func BudgetsAt(db *store.DB, now func() time.Time) *Budgets { return &Budgets{db: db, now: now} }

// LevelOf is the highest level that is reached.
var LevelOf = levelOf
