package stream

import (
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/usage"
)

// UsagePayload belongs to USAGE_RECORDED: what a run has used with the call that was
// recorded.
type UsagePayload struct {
	V        int          `json:"v"`
	RecordID string       `json:"record_id"`
	Usage    usage.Totals `json:"usage"`
	Actor    *Actor       `json:"actor,omitempty"`
}

// BudgetPayload belongs to BUDGET_REACHED. The amounts are nano-dollars, and there only
// where all who read the project may know them.
type BudgetPayload struct {
	V        int               `json:"v"`
	BudgetID string            `json:"budget_id"`
	Scope    enum.BudgetScope  `json:"scope"`
	Period   enum.BudgetPeriod `json:"period"`
	Level    int               `json:"level"`
	Paused   bool              `json:"paused"`
	Limit    *int64            `json:"limit,omitempty"`
	Spent    *int64            `json:"spent,omitempty"`
	Needed   *int64            `json:"needed,omitempty"`
	Text     string            `json:"text"`
	Actor    *Actor            `json:"actor,omitempty"`
}
