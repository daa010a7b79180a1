package stream

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/store"
)

const (
	// compactEvery is the pause between two looks for old events, about.
	compactEvery = 15 * time.Minute
	// compactStreams is how many streams one look finds at a time.
	compactStreams = 100
	// compactEvents bounds how far one transaction moves a horizon: the stream's
	// writers wait for it.
	compactEvents = 1000
)

// Compactor removes from the logs what they repeat, once it is old: the words of
// messages and the output of tools, which stand whole in their own rows by then, and
// what apps' consoles said, of which nothing is left by then (see Log.Unsay).
// The horizon moves over them first, so that a reader below it is told to read the
// project anew rather than given a log with holes. Other events are kept.
//
// What a run that hasn't ended has said is never removed: whoever takes it over
// puts its text together from the log.
type Compactor struct {
	db        *store.DB
	retention time.Duration
	logger    *slog.Logger
	removed   atomic.Int64
}

// NewCompactor makes a Compactor that keeps events whole for retention.
func NewCompactor(db *store.DB, retention time.Duration, logger *slog.Logger) *Compactor {
	return &Compactor{db: db, retention: retention, logger: logger}
}

// Removed is how many events this Compactor has removed so far.
func (c *Compactor) Removed() int64 { return c.removed.Load() }

// Run compacts now and then until ctx ends. On several nodes at once it does no
// harm: each step is one transaction that only one of them can make.
func (c *Compactor) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(compactEvery/2 + rand.N(compactEvery)):
		}
		err := c.Compact(access.As(ctx, access.Maintenance), time.Now().Add(-c.retention))
		if err != nil && ctx.Err() == nil {
			c.logger.WarnContext(ctx, "old events could not be removed; it is tried again", "error", err)
		}
	}
}

// Compact removes what is older than before from every log. It needs the actor
// Maintenance.
func (c *Compactor) Compact(ctx context.Context, before time.Time) error {
	if err := access.RequireActor(ctx, access.Maintenance); err != nil {
		return err
	}
	for last := ""; ; {
		ids, err := c.old(ctx, last, before)
		if err != nil {
			return err
		}
		for _, id := range ids {
			for more := true; more; {
				if more, err = c.step(ctx, id, before); err != nil {
					return fmt.Errorf("compact the log of %s: %w", id, err)
				}
			}
			last = id
		}
		if len(ids) < compactStreams {
			return nil
		}
	}
}

// old finds streams whose first whole event is older than before.
func (c *Compactor) old(ctx context.Context, after string, before time.Time) ([]string, error) {
	const query = `SELECT s.id FROM streams AS s JOIN events AS e ON e.stream_id = s.id AND e.seq = s.horizon + 1
		WHERE s.id > $1 AND e.at < $2 AND s.head >= 0 ORDER BY s.id LIMIT $3`
	rows, err := c.db.SQL.QueryContext(ctx, query, after, before.UnixMicro(), compactStreams)
	if err != nil {
		return nil, fmt.Errorf("look for old events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("look for old events: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// step moves one stream's horizon a little and reports whether there may be more.
func (c *Compactor) step(ctx context.Context, id string, before time.Time) (more bool, err error) {
	err = c.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		more = false
		var from int64
		err := tx.SQL.QueryRowContext(ctx, "SELECT horizon FROM streams WHERE id = $1 AND head >= 0", id).Scan(&from)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		to, err := boundary(ctx, tx.SQL, id, from, before)
		if err != nil || to <= from {
			return err
		}
		moved, err := tx.SQL.ExecContext(ctx, "UPDATE streams SET horizon = $1 WHERE id = $2 AND horizon = $3 AND head >= 0", to, id, from)
		if err != nil {
			return err
		}
		if n, err := moved.RowsAffected(); err != nil || n == 0 {
			return err // another node was quicker
		}
		const remove = "DELETE FROM events WHERE stream_id = $1 AND seq > $2 AND seq <= $3 AND type IN ($4, $5, $6)"
		gone, err := tx.SQL.ExecContext(ctx, remove, id, from, to,
			string(enum.EventMessageDelta), string(enum.EventToolCallOutput), string(enum.EventConsoleOutput))
		if err != nil {
			return err
		}
		n, err := gone.RowsAffected()
		if err != nil {
			return err
		}
		more = to == from+compactEvents
		tx.AfterCommit(func() { c.removed.Add(n) })
		return nil
	})
	return more, err
}

// keptQuery is the first event that is to be kept.
const keptQuery = `SELECT min(seq) - 1 FROM (
	SELECT seq FROM events WHERE stream_id = $1 AND seq > $2 AND seq <= $3 + 1 AND at >= $4
	UNION ALL SELECT (SELECT min(e.seq) FROM events AS e WHERE e.run_id = r.id AND e.run_id <> '' AND e.seq > $2) AS seq
		FROM runs AS r WHERE r.project_id = $1 AND r.state NOT IN ($5, $6, $7)
	UNION ALL SELECT head + 1 AS seq FROM streams WHERE id = $1
	) AS kept WHERE seq IS NOT NULL`

// boundary is how far the horizon may move: not over a young event, nor over one of
// a run that hasn't ended. Clocks of nodes differ a little, so a young event may
// stand before an old one.
func boundary(ctx context.Context, tx *sql.Tx, id string, from int64, before time.Time) (int64, error) {
	most := from + compactEvents
	var to int64
	err := tx.QueryRowContext(ctx, keptQuery, id, from, most, before.UnixMicro(),
		string(enum.RunSucceeded), string(enum.RunFailed), string(enum.RunCancelled)).Scan(&to)
	return min(to, most), err
}
