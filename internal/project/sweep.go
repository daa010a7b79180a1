package project

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"

	"github.com/zeblit/zeblit/ent/migrate"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
	"github.com/zeblit/zeblit/internal/stream"
)

const (
	// sweepEvery is the pause between two looks for deleted projects that nobody has told
	// of: other nodes' ones, and those of a process that has died.
	sweepEvery = 30 * time.Second
	// sweepProjects is how many of them one look finds at a time.
	sweepProjects = 100
	// firstPart and mostPart are how many rows of a table the first transaction removes,
	// and one at most.
	firstPart, mostPart = 16, 2000
	// quickPart is below what time a part may be larger the next time, and slowPart above
	// what time it has to be smaller: others wait for it.
	quickPart, slowPart = 20 * time.Millisecond, 80 * time.Millisecond
)

// Sweeper removes what deleted projects held, a little in each transaction: the others that
// write wait for no more than that. Cut at any place it goes on from there the next time.
type Sweeper struct {
	projects *Service
	logger   *slog.Logger
	most     int    // rows in a part
	between  func() // called after each part; nil: nothing
}

// NewSweeper makes a Sweeper of the projects that s deletes, here and on other nodes.
func NewSweeper(s *Service, logger *slog.Logger) *Sweeper {
	return &Sweeper{projects: s, logger: logger, most: mostPart}
}

// Run removes deleted projects until ctx ends. On several nodes at once each project is
// removed by one of them.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.Sweep(access.As(ctx, access.Maintenance)); err != nil && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "deleted projects could not be removed; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.projects.deleted:
		case <-tick.C:
		}
	}
}

// Sweep removes all deleted projects. It needs the actor Maintenance.
func (s *Sweeper) Sweep(ctx context.Context) error {
	var failures []error
	for last := ""; ; {
		ids, err := stream.Closed(ctx, s.projects.db, last, sweepProjects)
		if err != nil {
			return errors.Join(append(failures, err)...)
		}
		for _, id := range ids {
			if err := s.remove(ctx, id); err != nil && !errors.Is(err, errTaken) {
				failures = append(failures, fmt.Errorf("remove project %s: %w", id, err))
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			last = id
		}
		if len(ids) < sweepProjects {
			return errors.Join(failures...)
		}
	}
}

func (s *Sweeper) remove(ctx context.Context, id string) error {
	for _, p := range parts {
		for rows := min(firstPart, s.most); ; {
			n, took, err := s.part(ctx, id, p, rows)
			if err != nil {
				return err
			}
			if s.between != nil {
				s.between()
			}
			if n == 0 { // fewer than rows may be what others removed at the same moment
				break
			}
			switch {
			case took < quickPart:
				rows = min(2*rows, s.most)
			case took > slowPart:
				rows = max(rows/2, 1)
			}
		}
	}
	return s.projects.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := hold(ctx, tx, id); err != nil {
			return err
		}
		// What was still added by transactions under way goes with it: that is little.
		for _, table := range []string{"projects", "streams"} {
			if _, err := tx.SQL.ExecContext(ctx, "DELETE FROM "+table+" WHERE id = $1", id); err != nil {
				return fmt.Errorf("remove it from %s: %w", table, err)
			}
		}
		return nil
	})
}

// part removes some rows of one table, and reports how many, and how long that took,
// without what it waited for others.
func (s *Sweeper) part(ctx context.Context, id string, p part, rows int) (n int64, took time.Duration, err error) {
	err = s.projects.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := hold(ctx, tx, id); err != nil {
			return err
		}
		began := time.Now()
		query := fmt.Sprintf("DELETE FROM %[1]s WHERE id IN (SELECT id FROM %[1]s WHERE %[2]s LIMIT $2)", p.table, p.where)
		gone, err := tx.SQL.ExecContext(ctx, query, id, rows)
		took = time.Since(began)
		if err != nil {
			return fmt.Errorf("remove some of its %s: %w", p.table, err)
		}
		n, err = gone.RowsAffected()
		return err
	})
	return n, took, err
}

// errTaken says that there is nothing to remove, or somebody else is about it.
var errTaken = errors.New("it is gone, or another process works on it")

// hold makes sure that the project is a deleted one, and keeps others from removing and
// repacking it until tx ends.
func hold(ctx context.Context, tx *store.Tx, id string) error {
	query := "SELECT 1 FROM projects AS p JOIN streams AS s ON s.id = p.id WHERE p.id = $1 AND s.head < 0"
	if tx.Dialect == dialect.Postgres {
		query += " FOR NO KEY UPDATE OF p SKIP LOCKED"
	}
	var one int
	err := tx.SQL.QueryRowContext(ctx, query, id).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return errTaken
	}
	return err
}

// part is a table whose rows go with their project, and for which of them that holds, $1
// being the project's id.
type part struct{ table, where string }

// parts are all of them, each before those to whose rows its own refer: so no row takes
// others along.
var parts = partsOf(migrate.Tables)

func partsOf(tables []*schema.Table) (out []part) {
	left := map[string]part{}
	for _, t := range tables {
		for _, key := range t.ForeignKeys {
			if key.OnDelete == schema.Cascade && (key.RefTable.Name == "projects" || key.RefTable.Name == "streams") {
				left[t.Name] = part{t.Name, key.Columns[0].Name + " = $1"}
			}
		}
	}
	for _, t := range tables { // those that go with one of these
		for _, key := range t.ForeignKeys {
			above, ok := left[key.RefTable.Name]
			if _, isLeft := left[t.Name]; ok && !isLeft && key.OnDelete == schema.Cascade {
				out = append(out, part{t.Name, fmt.Sprintf("%s IN (SELECT id FROM %s WHERE %s)", key.Columns[0].Name, above.table, above.where)})
			}
		}
	}
	for len(left) > 0 {
		before := len(left)
		for _, t := range tables {
			if p, ok := left[t.Name]; ok && !referredTo(tables, left, t) {
				out = append(out, p)
				delete(left, t.Name)
			}
		}
		if len(left) == before {
			panic("project: tables refer to each other in a circle")
		}
	}
	return out
}

// referredTo says whether another of the tables that are left refers to t.
func referredTo(tables []*schema.Table, left map[string]part, t *schema.Table) bool {
	return slices.ContainsFunc(tables, func(other *schema.Table) bool {
		_, isLeft := left[other.Name]
		return isLeft && other != t && slices.ContainsFunc(other.ForeignKeys, func(key *schema.ForeignKey) bool { return key.RefTable == t })
	})
}
