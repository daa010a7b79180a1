package model

import (
	"time"

	"github.com/zeblit/zeblit/internal/usage"
)

// UsageRow is what the calls of one group, or of one step in time, have used.
type UsageRow struct {
	Start           *time.Time
	Provider, Model *string
	// Empty where the rows are not by these.
	AgentID, UserID, ProjectID string
	Usage                      usage.Totals
}
