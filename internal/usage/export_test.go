package usage

import (
	"log/slog"
	"time"
)

// At makes a ledger whose clock is now.
func At(now func() time.Time) *Ledger {
	return &Ledger{logger: slog.New(slog.DiscardHandler), now: now}
}

// LevelOf is the highest level that is reached.
var LevelOf = levelOf
