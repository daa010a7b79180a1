package run

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/zeblit/zeblit/internal/store"
)

// stepArgs is the job that asks for a run's next step. It is a hint: the lease
// decides whether a step is made, so a job too many does nothing and a lost one
// is replaced by the sweep.
type stepArgs struct {
	RunID string `json:"run_id"`
}

func (stepArgs) Kind() string { return "run_step" }

const (
	queueName  = "runs"
	maxWorkers = 8 // jobs taken at once; each only gives a hint
)

// Queue tells workers that there may be something to do: those of other processes
// by a job in the database, this process's own right after the commit.
type Queue struct {
	client *river.Client[*sql.Tx]
	pool   *pgxpool.Pool // for LISTEN only; nil on SQLite
	// hints holds a token while there may be something to do.
	hints chan struct{}
	// bell holds a token while there may be words for a run that waits for other agents.
	bell chan struct{}

	// What the process's engine has set: how long runs may wait, and what cuts the
	// step of a run that it holds.
	deadlines Deadlines
	interrupt func(runID string, cause error)
}

// NewQueue prepares the queue on db. databaseURL is PostgreSQL's, for the
// connection that listens; empty on SQLite.
func NewQueue(ctx context.Context, db *store.DB, databaseURL string, logger *slog.Logger) (*Queue, error) {
	q := &Queue{
		hints: make(chan struct{}, 1), bell: make(chan struct{}, 1), deadlines: Deadlines{}.withDefaults(), interrupt: func(string, error) {},
	}
	var driver riverdriver.Driver[*sql.Tx]
	config := &river.Config{
		Queues:            map[string]river.QueueConfig{queueName: {MaxWorkers: maxWorkers}},
		Workers:           river.NewWorkers(),
		JobTimeout:        -1, // a step ends itself
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: time.Second, // this process's own hints don't wait for it
		Logger:            slog.New(quiet{logger.Handler()}),
	}
	if db.Dialect == dialect.Postgres {
		pgx, err := pgxpool.ParseConfig(databaseURL)
		if err != nil {
			return nil, fmt.Errorf("parse the database URL for the job listener: %w", err)
		}
		pgx.MaxConns, pgx.MinConns = 1, 0
		if q.pool, err = pgxpool.NewWithConfig(ctx, pgx); err != nil {
			return nil, fmt.Errorf("connect the job listener: %w", err)
		}
		driver = riverdatabasesql.NewWithPgxListener(db.SQL, q.pool)
	} else {
		driver = riversqlite.New(db.SQL)
	}
	river.AddWorker(config.Workers, &stepWorker{hint: q.hint})
	client, err := river.NewClient(driver, config)
	if err != nil {
		return nil, fmt.Errorf("make the job queue: %w", err)
	}
	q.client = client
	return q, nil
}

// MigrateQueue brings the queue's own tables up to date.
func MigrateQueue(ctx context.Context, db *store.DB, logger *slog.Logger) error {
	var driver riverdriver.Driver[*sql.Tx] = riversqlite.New(db.SQL)
	if db.Dialect == dialect.Postgres {
		driver = riverdatabasesql.New(db.SQL)
	}
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(quiet{logger.Handler()})})
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	return nil
}

// Enqueue asks, in the transaction, for the run's next step.
func (q *Queue) Enqueue(ctx context.Context, tx *store.Tx, runID string) error {
	_, err := q.client.InsertTx(ctx, tx.SQL, stepArgs{RunID: runID}, &river.InsertOpts{Queue: queueName, MaxAttempts: 3})
	if err != nil {
		return fmt.Errorf("enqueue a step of run %s: %w", runID, err)
	}
	tx.AfterCommit(q.hint)
	return nil
}

// hint says that there may be something to do.
func (q *Queue) hint() {
	select {
	case q.hints <- struct{}{}:
	default:
	}
}

// ring says that there may be words for a run that waits for other agents.
func (q *Queue) ring() {
	select {
	case q.bell <- struct{}{}:
	default:
	}
}

// start turns jobs into hints until stop is called.
func (q *Queue) start(ctx context.Context) (stop func(context.Context) error, err error) {
	// The client outlives ctx: it is stopped by stop, in order.
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("start the job queue: %w", err)
	}
	return q.client.StopAndCancel, nil
}

// Close ends the listener's connections.
func (q *Queue) Close() {
	if q.pool != nil {
		q.pool.Close()
	}
}

type stepWorker struct {
	river.WorkerDefaults[stepArgs]
	hint func()
}

// Work never fails: what becomes of a run stands in the run.
func (w *stepWorker) Work(context.Context, *river.Job[stepArgs]) error {
	w.hint()
	return nil
}

// quiet keeps the queue's chatter out of the log: warnings and worse pass.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(n string) slog.Handler      { return quiet{q.Handler.WithGroup(n)} }
