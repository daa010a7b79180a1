// Package store opens the database, keeps its schema up to date and runs
// transactions in which ent, raw SQL and the job queue share one *sql.Tx, so
// that a change, the events that tell of it and the job that goes on with it
// commit together or not at all.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/zeblit/zeblit/ent"
	_ "github.com/zeblit/zeblit/ent/runtime" // policies and defaults
)

// DB is the open database.
type DB struct {
	Ent *ent.Client
	SQL *sql.DB
	// Dialect is dialect.SQLite or dialect.Postgres.
	Dialect string

	turns *turns
}

// sqliteConns bounds SQLite's connections: one writes at a time, the others read.
const sqliteConns = 4

// busyTimeout is how long SQLite lets a writer wait for another.
const busyTimeout = 10 * time.Second

// postgresConns bounds PostgreSQL's connections per process.
const postgresConns = 20

// OpenSQLite opens or makes the database file.
func OpenSQLite(file string) (*DB, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	query := url.Values{
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "foreign_keys(1)", "journal_mode(WAL)",
			"synchronous(FULL)", "cache_size(-512)", "journal_size_limit(16777216)",
		},
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	db.SetMaxOpenConns(sqliteConns)
	db.SetMaxIdleConns(sqliteConns)
	return wrap(db, dialect.SQLite), nil
}

// idleInTransaction is how long PostgreSQL lets a transaction hold its rows while its
// client says nothing, in milliseconds: a process that was stopped in the middle of one
// keeps no other waiting for ever.
const idleInTransaction = "5000"

// connectTimeout bounds how long it takes to connect: a server that accepts and then says
// nothing would else be waited for for ever, whatever the context says.
const connectTimeout = 10 * time.Second

// OpenPostgres opens the PostgreSQL database that a lib/pq URL names. Run-time
// parameters in the URL come before this package's own.
func OpenPostgres(databaseURL string) (*DB, error) {
	config, err := pq.NewConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	const parameter = "idle_in_transaction_session_timeout"
	if _, given := config.Runtime[parameter]; !given && !strings.Contains(config.Options, parameter) {
		if config.Runtime == nil {
			config.Runtime = map[string]string{}
		}
		config.Runtime[parameter] = idleInTransaction
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	connector.Dialer(noticing{})
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresConns)
	return wrap(db, dialect.Postgres), nil
}

func wrap(db *sql.DB, name string) *DB {
	opened := &DB{SQL: db, Dialect: name, turns: newTurns(name)}
	opened.Ent = ent.NewClient(ent.Driver(pool{entsql.OpenDB(name, db), opened}))
	return opened
}

// Close closes the database. Nothing may use it any more.
func (db *DB) Close() error { return db.SQL.Close() }

// Ping asks the database for a sign of life.
func (db *DB) Ping(ctx context.Context) error { return db.SQL.PingContext(ctx) }

// Now is the time to write down, in the precision that both databases keep.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// NowMillis is the SQL expression of the database's own clock in milliseconds
// since 1970: leases are judged by it, since the clocks of nodes differ.
func NowMillis(name string) string {
	if name == dialect.Postgres {
		return "(extract(epoch from clock_timestamp())*1000)::bigint"
	}
	return "cast(unixepoch('subsec')*1000 as integer)"
}
