// Command diff writes the migrations that lead from the newest versioned one to
// the entities as they are now, for both dialects. It needs a PostgreSQL server,
// which it finds as the tests do.
//
//	go run ./ent/migrate/diff add_run_priority
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"
	"modernc.org/sqlite"

	entmigrate "github.com/zeblit/zeblit/ent/migrate"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./ent/migrate/diff NAME")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string) error {
	sql.Register("sqlite3", &sqlite.Driver{}) // the name that ent's URLs use
	if err := diff(ctx, "sqlite", "sqlite://dev?mode=memory&_pragma=foreign_keys(1)", dialect.SQLite, name); err != nil {
		return err
	}
	url, drop, err := pgtest.Create("")
	if err != nil {
		return err
	}
	// Ids must sort by bytes, so that they sort by time, whatever the locale.
	for _, t := range entmigrate.Tables {
		for _, c := range t.Columns {
			if c.Name == "id" || strings.HasSuffix(c.Name, "_id") {
				if c.Type.String() == "string" {
					c.Collation = "C"
				}
			}
		}
	}
	if err := diff(ctx, "postgres", url, dialect.Postgres, name); err != nil {
		return err
	}
	return drop()
}

func diff(ctx context.Context, folder, url, name, migration string) error {
	dir, err := migrate.NewLocalDir("ent/migrate/migrations/" + folder)
	if err != nil {
		return err
	}
	err = entmigrate.NamedDiff(ctx, url, migration,
		schema.WithDir(dir),
		schema.WithMigrationMode(schema.ModeReplay),
		schema.WithDialect(name),
		schema.WithFormatter(migrate.DefaultFormatter),
	)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	return nil
}
