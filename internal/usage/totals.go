package usage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	entrun "github.com/zeblit/zeblit/ent/run"
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

func (t Totals) plus(o Totals) Totals {
	return Totals{
		Calls: t.Calls + o.Calls, UnpricedCalls: t.UnpricedCalls + o.UnpricedCalls,
		EstimatedCalls: t.EstimatedCalls + o.EstimatedCalls, FailedCalls: t.FailedCalls + o.FailedCalls,
		InputTokens: t.InputTokens + o.InputTokens, OutputTokens: t.OutputTokens + o.OutputTokens,
		CacheReadTokens: t.CacheReadTokens + o.CacheReadTokens, CacheWriteTokens: t.CacheWriteTokens + o.CacheWriteTokens,
		ReasoningTokens: t.ReasoningTokens + o.ReasoningTokens, Cost: t.Cost + o.Cost,
	}
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
	all, err := addUp(ctx, c, usagerecord.FieldRootRunID, runIDs)
	if err != nil {
		return nil, err
	}
	inner, err := c.Run.Query().Where(entrun.IDIn(runIDs...), entrun.RootIDNEQ("")).IDs(ctx)
	if err != nil || len(inner) == 0 {
		return all, err
	}
	top, err := runsBelow(ctx, c, inner)
	if err != nil {
		return nil, err
	}
	each, err := addUp(ctx, c, usagerecord.FieldRunID, slices.Collect(maps.Keys(top)))
	if err != nil {
		return nil, err
	}
	for id, used := range each {
		for _, above := range top[id] {
			all[above] = all[above].plus(used)
		}
	}
	return all, nil
}

// runsBelow names, for each run that is one of ids or below one, which of ids that are.
func runsBelow(ctx context.Context, c *ent.Client, ids []string) (map[string][]string, error) {
	top := map[string][]string{}
	for _, id := range ids {
		top[id] = append(top[id], id)
	}
	for level := ids; len(level) > 0; {
		children, err := c.Run.Query().Where(entrun.ParentIDIn(level...)).Select(entrun.FieldID, entrun.FieldParentID).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for the runs below others: %w", err)
		}
		level = nil
		for _, child := range children {
			before := len(top[child.ID])
			for _, above := range top[*child.ParentID] {
				if !slices.Contains(top[child.ID], above) {
					top[child.ID] = append(top[child.ID], above)
				}
			}
			if len(top[child.ID]) > before {
				level = append(level, child.ID)
			}
		}
	}
	return top, nil
}

// addUp adds up the records whose field is one of ids, for each of them.
func addUp(ctx context.Context, c *ent.Client, field string, ids []string) (map[string]Totals, error) {
	var found []struct {
		RunID string `json:"of"`
		Totals
	}
	err := c.UsageRecord.Query().Where(func(s *sql.Selector) {
		wanted := make([]any, len(ids))
		for i, id := range ids {
			wanted[i] = id
		}
		s.Where(sql.In(s.C(field), wanted...))
	}).Modify(func(s *sql.Selector) {
		s.SelectExpr(sql.Raw(s.C(field) + " AS of"))
		for _, expression := range sums(s) {
			s.AppendSelectExpr(sql.Raw(expression))
		}
		s.GroupBy(s.C(field))
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
