// Package stream is what happens in a project, in order: the log that keeps it
// and the hub that tells readers of it.
//
// An event is written in the transaction of the change it tells of, and is
// published when that has committed. Its number is taken from the stream's row as
// the transaction's last statement, so numbers are gap-free and in commit order:
// a reader who has seen event n misses nothing below it. Only the text of
// messages being written goes through Deltas, which puts the words of many runs
// into one transaction.
//
// All readers of a project on one node share a room: the Carrier brings it what is
// committed, and whoever isn't that far reads the log. The carrier is only trusted with
// speed: whatever it loses, doubles or reorders is seen by the numbers and healed from
// the log.
package stream

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/zeblit/zeblit/ent/enum"
	"github.com/zeblit/zeblit/internal/access"
	"github.com/zeblit/zeblit/internal/problem"
	"github.com/zeblit/zeblit/internal/store"
)

// Draft is an event that has no number yet.
type Draft struct {
	Type enum.EventType
	// RunID is the run it belongs to; empty when none.
	RunID string
	// Payload is one of this package's payloads. It is encoded by Append.
	Payload any
}

// Event is one entry of a project's log. It reads the same live and replayed.
type Event struct {
	Project string          `json:"project"`
	Seq     int64           `json:"seq"` // 1, 2, 3 … in the project
	Type    enum.EventType  `json:"type"`
	RunID   string          `json:"run_id,omitempty"`
	At      time.Time       `json:"at"` // UTC, microseconds
	Payload json.RawMessage `json:"payload"`
}

// Cursor is where a subscription goes on after this event.
func (e Event) Cursor() string { return CursorAt(e.Project, e.Seq) }

// Log reads and writes the logs of all projects. It holds no state of its own but
// counters.
type Log struct {
	db      *store.DB
	carrier Carrier
	logger  *slog.Logger
	counts  logCounters
}

// NewLog makes a Log that announces through carrier what it has committed.
func NewLog(db *store.DB, carrier Carrier, logger *slog.Logger) *Log {
	return &Log{db: db, carrier: carrier, logger: logger}
}

// Append adds events to the project's log as a part of tx. They are numbered and
// written right before it commits, in the order of the calls, and published right
// after. What can't be written fails the commit.
//
// It may not be called once the transaction's other BeforeCommit hooks run.
func (l *Log) Append(tx *store.Tx, h access.StreamHandle, drafts ...Draft) {
	if len(drafts) == 0 {
		return
	}
	c := tx.Value(collectedKey{l}, func() any { return l.collect(tx) }).(*collected)
	if c.written {
		panic("stream: Append after the transaction's events were written")
	}
	c.add(h, drafts)
}

// collected is what one transaction appends.
type collected struct {
	drafts  map[string][]Event // by project; without number and time
	written bool
	err     error
}

// ErrRefused is a mistake of the caller's: writing the same again fails again.
var ErrRefused = errors.New("append events")

type collectedKey struct{ log *Log }

func (l *Log) collect(tx *store.Tx) *collected {
	c := &collected{drafts: map[string][]Event{}}
	var events []Event
	var began time.Time
	published := context.Background()
	tx.BeforeCommit(func(ctx context.Context) (err error) {
		published, began = context.WithoutCancel(ctx), time.Now()
		events, err = c.write(ctx, tx)
		return err
	})
	tx.AfterCommit(func() {
		l.counts.appended(len(events), time.Since(began))
		if err := l.carrier.Publish(published, events); err != nil && !errors.Is(err, ErrCarrierDown) {
			l.logger.Warn("events were not announced; subscribers read them from the log", "error", err)
		}
	})
	return c
}

func (c *collected) add(h access.StreamHandle, drafts []Draft) {
	if h.Project() == "" || !h.CanWrite() {
		c.err = errors.Join(c.err, fmt.Errorf("%w: the handle doesn't allow it", ErrRefused))
		return
	}
	for _, d := range drafts {
		payload, err := encode(d.Payload)
		if err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("%w: %s: %w", ErrRefused, d.Type, err))
			continue
		}
		c.drafts[h.Project()] = append(c.drafts[h.Project()],
			Event{Project: h.Project(), Type: d.Type, RunID: d.RunID, Payload: payload})
	}
}

// Read returns up to limit events that follow number after, in order.
func (l *Log) Read(ctx context.Context, h access.StreamHandle, after int64, limit int) ([]Event, error) {
	return l.read(ctx, h, after, limit, math.MaxInt)
}

// page is Read for the hub: up to pageSize events, and no more once there are pageBytes
// of them.
func (l *Log) page(ctx context.Context, h access.StreamHandle, after int64) ([]Event, error) {
	return l.read(ctx, h, after, pageSize, pageBytes)
}

func (l *Log) read(ctx context.Context, h access.StreamHandle, after int64, limit, bytes int) ([]Event, error) {
	if h.Project() == "" {
		return nil, errors.New("read events: no stream handle")
	}
	const query = `SELECT seq, type, run_id, payload, at FROM events WHERE stream_id = $1 AND seq > $2
		AND EXISTS (SELECT 1 FROM streams WHERE id = $3 AND head >= 0) ORDER BY seq LIMIT $4`
	rows, err := l.db.SQL.QueryContext(ctx, query, h.Project(), after, h.Project(), limit)
	if err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", h.Project(), err)
	}
	defer func() { _ = rows.Close() }()
	var events []Event
	for bytes > 0 && rows.Next() {
		e := Event{Project: h.Project()}
		var payload []byte
		var at int64
		if err := rows.Scan(&e.Seq, &e.Type, &e.RunID, &payload, &at); err != nil {
			return nil, fmt.Errorf("read the events of %s: %w", h.Project(), err)
		}
		e.Payload, e.At = payload, time.UnixMicro(at).UTC()
		bytes -= eventSize(e)
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the events of %s: %w", h.Project(), err)
	}
	return events, nil
}

// Head returns the number of the project's latest event, 0 when there is none,
// and its horizon: events up to that number are no longer kept whole.
func (l *Log) Head(ctx context.Context, h access.StreamHandle) (head, horizon int64, err error) {
	if h.Project() == "" {
		return 0, 0, errors.New("read a stream's head: no stream handle")
	}
	const query = "SELECT head, horizon FROM streams WHERE id = $1 AND head >= 0"
	err = l.db.SQL.QueryRowContext(ctx, query, h.Project()).Scan(&head, &horizon)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, problem.Missing("projectId", "project")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the head of %s: %w", h.Project(), err)
	}
	return head, horizon, nil
}
