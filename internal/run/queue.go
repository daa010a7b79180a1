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
	maxWorkers = 100 // steps at once in one process; they mostly wait for models
)

// Queue puts jobs into the database and, once started, hands them to a worker.
type Queue struct {
	client *river.Client[*sql.Tx]
	pool   *pgxpool.Pool // for LISTEN only; nil on SQLite
	worker *stepWorker
}

// NewQueue prepares the queue on db. databaseURL is PostgreSQL's, for the
// connection that listens; empty on SQLite.
func NewQueue(ctx context.Context, db *store.DB, databaseURL string, logger *slog.Logger) (*Queue, error) {
	q := &Queue{worker: &stepWorker{}}
	var driver riverdriver.Driver[*sql.Tx]
	config := &river.Config{
		Queues:            map[string]river.QueueConfig{queueName: {MaxWorkers: maxWorkers}},
		Workers:           river.NewWorkers(),
		JobTimeout:        -1, // a step ends itself
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 100 * time.Millisecond,
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
		config.FetchPollInterval = time.Second
	} else {
		driver = riversqlite.New(db.SQL)
	}
	river.AddWorker(config.Workers, q.worker)
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
	return nil
}

// start hands jobs to step until stop is called, which cancels the steps' contexts
// and waits for them.
func (q *Queue) start(ctx context.Context, step func(context.Context, string)) (stop func(context.Context) error, err error) {
	q.worker.step = step
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
	step func(context.Context, string)
}

// Work never fails: what becomes of a run stands in the run.
func (w *stepWorker) Work(ctx context.Context, job *river.Job[stepArgs]) error {
	w.step(ctx, job.Args.RunID)
	return nil
}

// quiet keeps the queue's chatter out of the log: warnings and worse pass.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(n string) slog.Handler      { return quiet{q.Handler.WithGroup(n)} }
