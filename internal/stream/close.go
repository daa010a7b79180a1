package stream

import (
	"context"
	"fmt"

	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// closed is the head of a log whose project is being deleted. It is so far below zero
// that a node of an older version, which doesn't look for that, can't lift it back.
const closed = -1 << 62

// Close ends the project's log, as the last statement of tx but those before its commit:
// from the commit on nobody reads or writes it, and who follows it learns that the project
// is gone. Its events stay until whoever looks for Closed logs has removed them with
// the rest of the project.
//
// NOT_FOUND: it is closed already. The lock of its row orders this among the log's writers.
func (l *Log) Close(ctx context.Context, tx *store.Tx, h access.StreamHandle) error {
	if h.Project() == "" || !h.CanWrite() {
		return fmt.Errorf("close a log: %w: the handle doesn't allow it", ErrRefused)
	}
	const query = `INSERT INTO streams (id, head, horizon) VALUES ($1, $2, 0)
		ON CONFLICT (id) DO UPDATE SET head = excluded.head WHERE streams.head >= 0`
	done, err := tx.SQL.ExecContext(ctx, query, h.Project(), int64(closed))
	if err != nil {
		return fmt.Errorf("close the log of %s: %w", h.Project(), err)
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return problem.Missing("projectId", "project")
}

// Closed lists up to limit projects whose logs are closed, with ids behind after, in
// order. It needs the actor Maintenance.
func Closed(ctx context.Context, db *store.DB, after string, limit int) (projectIDs []string, err error) {
	if err := access.RequireActor(ctx, access.Maintenance); err != nil {
		return nil, err
	}
	rows, err := db.SQL.QueryContext(ctx, "SELECT id FROM streams WHERE head < 0 AND id > $1 ORDER BY id LIMIT $2", after, limit)
	if err != nil {
		return nil, fmt.Errorf("look for closed logs: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("look for closed logs: %w", err)
		}
		projectIDs = append(projectIDs, id)
	}
	return projectIDs, rows.Err()
}
