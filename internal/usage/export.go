package usage

import (
	"context"
	"fmt"
	"iter"

	"entgo.io/ent/dialect/sql"

	"github.com/zeblit/zeblit/ent"
	"github.com/zeblit/zeblit/ent/predicate"
	"github.com/zeblit/zeblit/ent/usagerecord"
)

// exportPage is how many records are read at once.
const exportPage = 500

// Records yields the calls that began within span, of those that the viewer may see,
// oldest first. They are read a page at a time, so that any number takes no more memory.
func Records(ctx context.Context, c *ent.Client, span Span, where ...predicate.UsageRecord) iter.Seq2[*ent.UsageRecord, error] {
	return func(yield func(*ent.UsageRecord, error) bool) {
		var last *ent.UsageRecord
		for {
			query := c.UsageRecord.Query().Where(span.Within()).Where(where...)
			if last != nil {
				query.Where(after(last))
			}
			page, err := query.Order(ent.Asc(usagerecord.FieldCreatedAt, usagerecord.FieldID)).Limit(exportPage).All(ctx)
			if err != nil {
				yield(nil, fmt.Errorf("read a page of calls: %w", err))
				return
			}
			for _, last = range page {
				if !yield(last, nil) {
					return
				}
			}
			if len(page) < exportPage {
				return
			}
		}
	}
}

// after holds for the records that stand after r.
func after(r *ent.UsageRecord) predicate.UsageRecord {
	return func(s *sql.Selector) {
		at, id := s.C(usagerecord.FieldCreatedAt), s.C(usagerecord.FieldID)
		s.Where(sql.Or(sql.GT(at, r.CreatedAt), sql.And(sql.EQ(at, r.CreatedAt), sql.GT(id, r.ID))))
	}
}
