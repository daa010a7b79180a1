package stream

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"entgo.io/ent/dialect"

	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// maxRows bounds one statement's parameters, of which both databases allow some tens
// of thousands.
const maxRows = 1000

// write numbers the events and inserts them, whatever the number of projects with one
// statement for each of the two: the words of a hundred runs are one commit. The
// streams' rows stay locked until the transaction ends; they are taken in id order, so
// that no two transactions can wait for each other.
func (c *collected) write(ctx context.Context, tx *store.Tx) ([]Event, error) {
	c.written = true
	if c.err != nil {
		return nil, c.err
	}
	projects := slices.Sorted(maps.Keys(c.drafts))
	if err := lockStreams(ctx, tx, projects); err != nil {
		return nil, fmt.Errorf("lock streams: %w", err)
	}
	heads, err := c.take(ctx, tx, projects)
	if err != nil {
		return nil, err
	}
	now := time.UnixMicro(time.Now().UnixMicro()).UTC()
	var all []Event
	for _, project := range projects {
		head, ok := heads[project]
		if !ok {
			return nil, problem.Missing("projectId", "project") // deleted meanwhile
		}
		events := c.drafts[project]
		for i := range events {
			events[i].Seq = head - int64(len(events)-1-i)
			events[i].At = now
		}
		all = append(all, events...)
	}
	if err := insert(ctx, tx, all); err != nil {
		return nil, fmt.Errorf("write events: %w", err)
	}
	return all, nil
}

// lockStreams locks several rows in id order. One alone is locked by its update, and
// SQLite has one writer.
func lockStreams(ctx context.Context, tx *store.Tx, projects []string) error {
	if tx.Dialect != dialect.Postgres || len(projects) < 2 {
		return nil
	}
	for chunk := range slices.Chunk(projects, maxRows) {
		q := append([]byte(nil), "SELECT 1 FROM streams WHERE id IN ("...)
		args := make([]any, len(chunk))
		for i, id := range chunk {
			if i > 0 {
				q = append(q, ',')
			}
			q, args[i] = place(tx, q, i+1), id
		}
		q = append(q, `) ORDER BY id COLLATE "C" FOR UPDATE`...)
		if _, err := tx.SQL.ExecContext(ctx, string(q), args...); err != nil {
			return err
		}
	}
	return nil
}

// take moves the heads of the projects' streams on by the number of their events, and
// returns where they are now.
func (c *collected) take(ctx context.Context, tx *store.Tx, projects []string) (map[string]int64, error) {
	heads := make(map[string]int64, len(projects))
	for chunk := range slices.Chunk(projects, maxRows) {
		q := append([]byte(nil), "WITH news (stream, events) AS (VALUES "...)
		args := make([]any, 0, 2*len(chunk))
		for i, id := range chunk {
			if i > 0 {
				q = append(q, ',')
			}
			q = append(q, "(CAST("...)
			q = place(tx, q, len(args)+1)
			q = append(q, " AS text),CAST("...)
			q = place(tx, q, len(args)+2)
			q = append(q, " AS bigint))"...)
			args = append(args, id, len(c.drafts[id]))
		}
		q = append(q, ") UPDATE streams SET head = head + events FROM news WHERE id = stream AND head >= 0 RETURNING id, head"...)
		if err := scanHeads(ctx, tx.SQL, string(q), args, heads); err != nil {
			return nil, fmt.Errorf("number events: %w", err)
		}
	}
	return heads, nil
}

func scanHeads(ctx context.Context, tx *sql.Tx, query string, args []any, heads map[string]int64) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		var head int64
		if err := rows.Scan(&id, &head); err != nil {
			return err
		}
		heads[id] = head
	}
	return rows.Err()
}

func insert(ctx context.Context, tx *store.Tx, events []Event) error {
	for chunk := range slices.Chunk(events, maxRows) {
		q := append([]byte(nil), "INSERT INTO events (stream_id, seq, type, run_id, payload, at) VALUES "...)
		args := make([]any, 0, 6*len(chunk))
		for i, e := range chunk {
			for n := range 6 {
				switch {
				case n > 0:
					q = append(q, ',')
				case i > 0:
					q = append(q, "),("...)
				default:
					q = append(q, '(')
				}
				q = place(tx, q, len(args)+n+1)
			}
			args = append(args, e.Project, e.Seq, string(e.Type), e.RunID, []byte(e.Payload), e.At.UnixMicro())
		}
		if _, err := tx.SQL.ExecContext(ctx, string(append(q, ')')), args...); err != nil {
			return err
		}
	}
	return nil
}

// place adds the n-th parameter's mark. To SQLite $1 is a name, of which it looks
// through all for each that it reads.
func place(tx *store.Tx, q []byte, n int) []byte {
	if tx.Dialect != dialect.Postgres {
		return append(q, '?')
	}
	return strconv.AppendInt(append(q, '$'), int64(n), 10)
}
