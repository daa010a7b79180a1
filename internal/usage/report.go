package usage

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/usagerecord"
	"github.com/zeblit/zeblit/internal/problem"
)

const (
	// maxRows is how many rows a report has at most.
	maxRows = 1000
	// defaultSpan is how far a report goes back.
	defaultSpan = 30 * 24 * time.Hour
)

// Span is a time, from From on and before To.
type Span struct{ From, To time.Time }

// SpanOf is the time that a client asks for: up to now, and 30 days long, where it
// doesn't say.
func SpanOf(from, to *time.Time, now time.Time) (Span, error) {
	s := Span{To: now}
	if to != nil {
		s.To = *to
	}
	s.From = s.To.Add(-defaultSpan)
	if from != nil {
		s.From = *from
	}
	if !s.From.Before(s.To) {
		return s, problem.BadField("from", "from must be before to")
	}
	return s, nil
}

// Within holds for the calls that began in the span.
func (s Span) Within() predicate.UsageRecord {
	return usagerecord.And(usagerecord.CreatedAtGTE(s.From), usagerecord.CreatedAtLT(s.To))
}

// Row is what the calls of one group have used in one step of time.
type Row struct {
	Start                      *time.Time // nil: in the whole time
	Provider, Model            string
	AgentID, UserID, ProjectID string
	Totals
}

// steps are how the beginning of a step in time is written, by both databases and here.
var steps = map[enum.UsageInterval]struct {
	postgres, layout string
}{
	enum.IntervalHour:  {"YYYY-MM-DD HH24", "2006-01-02 15"},
	enum.IntervalDay:   {"YYYY-MM-DD", dayFormat},
	enum.IntervalMonth: {"YYYY-MM", monthFormat},
}

// groups are the columns of each grouping.
var groups = map[enum.UsageGrouping][]string{
	enum.UsageByDay:     nil,
	enum.UsageByModel:   {usagerecord.FieldProvider, usagerecord.FieldModel},
	enum.UsageByAgent:   {usagerecord.FieldAgentID},
	enum.UsageByUser:    {usagerecord.FieldUserID},
	enum.UsageByProject: {usagerecord.FieldProjectID},
}

// Rows adds up the calls that began within span, of those that the viewer may see: in
// the order of time, and in each step the dearest first. interval may be empty: by DAY
// it is a day, else the whole time.
func Rows(ctx context.Context, c *ent.Client, span Span, by enum.UsageGrouping, interval enum.UsageInterval, where ...predicate.UsageRecord) ([]Row, error) {
	switch {
	case interval == "" && by == enum.UsageByDay:
		interval = enum.IntervalDay
	case interval == "":
		interval = enum.IntervalTotal
	case by == enum.UsageByDay && interval != enum.IntervalDay:
		return nil, problem.BadField("interval", "by DAY the interval is DAY; leave it out")
	}
	var found []struct {
		Start     string `json:"step_start"`
		Provider  string `json:"provider"`
		Model     string `json:"model"`
		AgentID   string `json:"agent_id"`
		UserID    string `json:"user_id"`
		ProjectID string `json:"project_id"`
		Totals
	}
	err := c.UsageRecord.Query().Where(span.Within()).Where(where...).Modify(func(s *sql.Selector) {
		s.SelectExpr() // nothing but what follows
		columns := make([]string, 0, 3)
		if step, ok := steps[interval]; ok {
			start := fmt.Sprintf("substr(%s, 1, %d)", s.C(usagerecord.FieldCreatedAt), len(step.layout))
			if s.Dialect() == dialect.Postgres {
				start = fmt.Sprintf("to_char(%s AT TIME ZONE 'UTC', '%s')", s.C(usagerecord.FieldCreatedAt), step.postgres)
			}
			s.AppendSelectExpr(sql.Raw(start + " AS step_start"))
			columns = append(columns, start)
		}
		for _, field := range groups[by] {
			s.AppendSelectExpr(sql.Raw(s.C(field)))
			columns = append(columns, s.C(field))
		}
		for _, sum := range sums(s) {
			s.AppendSelectExpr(sql.Raw(sum))
		}
		if len(columns) > 0 {
			s.GroupBy(columns...)
		} else {
			s.Having(sql.ExprP("COUNT(*) > 0"))
		}
		if _, ok := steps[interval]; ok {
			s.OrderExpr(sql.Raw("step_start"))
		}
		s.OrderExpr(sql.Raw("cost DESC"), sql.Raw("calls DESC")).Limit(maxRows + 1)
	}).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("add up calls: %w", err)
	}
	if len(found) > maxRows {
		return nil, problem.BadField("from", "this is more than %d rows: ask for a shorter time, or a longer interval", maxRows)
	}
	rows := make([]Row, len(found))
	for i, f := range found {
		rows[i] = Row{Provider: f.Provider, Model: f.Model, AgentID: f.AgentID, UserID: f.UserID, ProjectID: f.ProjectID, Totals: f.Totals}
		if f.Start != "" {
			start, err := time.Parse(steps[interval].layout, f.Start)
			if err != nil {
				return nil, fmt.Errorf("the beginning of a step: %w", err)
			}
			rows[i].Start = &start
		}
	}
	return rows, nil
}
