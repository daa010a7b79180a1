package usage

import (
	"context"
	"fmt"
	"strings"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/usagerecord"
)

// Totals are calls added up.
type Totals struct {
	Calls int64 `json:"calls"`
	// UnpricedCalls are those whose model has no price: Cost is without them.
	UnpricedCalls int64 `json:"unpriced_calls"`
	// EstimatedCalls are those of which the vendor told nothing.
	EstimatedCalls int64 `json:"estimated_calls"`
	FailedCalls    int64 `json:"failed_calls"`

	InputTokens      int64 `json:"input_tokens"` // with those of the cache
	OutputTokens     int64 `json:"output_tokens"`
	CacheReadTokens  int64 `json:"cache_read_tokens"`
	CacheWriteTokens int64 `json:"cache_write_tokens"`
	ReasoningTokens  int64 `json:"reasoning_tokens"`

	Cost int64 `json:"cost"` // nano-dollars
}

// sums are the expressions of Totals' fields, over the records of a group.
func sums(s *sql.Selector) []string {
	sum := func(expression, name string) string {
		return fmt.Sprintf("CAST(COALESCE(SUM(%s), 0) AS bigint) AS %s", expression, name)
	}
	one := func(condition, name string) string {
		return sum("CASE WHEN "+condition+" THEN 1 ELSE 0 END", name)
	}
	input, read, written := s.C(usagerecord.FieldInputTokens), s.C(usagerecord.FieldCacheReadTokens), s.C(usagerecord.FieldCacheWriteTokens)
	return []string{
		"COUNT(*) AS calls",
		one(s.C(usagerecord.FieldCost)+" IS NULL", "unpriced_calls"),
		one(s.C(usagerecord.FieldEstimated), "estimated_calls"),
		one(fmt.Sprintf("%s <> '%s'", s.C(usagerecord.FieldOutcome), enum.CallOK), "failed_calls"),
		sum(strings.Join([]string{input, read, written}, " + "), "input_tokens"),
		sum(s.C(usagerecord.FieldOutputTokens), "output_tokens"),
		sum(read, "cache_read_tokens"),
		sum(written, "cache_write_tokens"),
		sum(s.C(usagerecord.FieldReasoningTokens), "reasoning_tokens"),
		sum(s.C(usagerecord.FieldCost), "cost"),
	}
}

// ByRun adds up the calls of runs, those of their children included. A run without any
// is not in the result.
func ByRun(ctx context.Context, c *ent.Client, runIDs ...string) (map[string]Totals, error) {
	var found []struct {
		RunID string `json:"root_run_id"`
		Totals
	}
	err := c.UsageRecord.Query().Where(usagerecord.RootRunIDIn(runIDs...)).Modify(func(s *sql.Selector) {
		root := s.C(usagerecord.FieldRootRunID)
		s.SelectExpr(sql.Raw(root))
		for _, expression := range sums(s) {
			s.AppendSelectExpr(sql.Raw(expression))
		}
		s.GroupBy(root)
	}).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("add up the calls of runs: %w", err)
	}
	all := make(map[string]Totals, len(found))
	for _, f := range found {
		all[f.RunID] = f.Totals
	}
	return all, nil
}
