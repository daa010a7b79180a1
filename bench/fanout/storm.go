package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/zeblit/zeblit/bench/internal/subject"
	"github.com/zeblit/zeblit/bench/internal/watch"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

// A server with thousands of watchers is killed and started again on the same data and
// port; meanwhile each project's log grows. All come back at once.
const (
	stormProjects = 50
	stormBacklog  = 100
)

// comeBack is a client's pause between attempts.
func comeBack() time.Duration { return 250*time.Millisecond + rand.N(500*time.Millisecond) }

func (b *bench) storm() (err error) {
	private, err := pgtest.StartPrivate()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, private.Remove()) }()
	load, err := watchDatabase(private)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, load.db.Close()) }()
	o := subject.Options{Projects: stormProjects, Database: private.URL()}
	s, end, err := b.start("zeblit", o)
	if err != nil {
		return err
	}
	data := b.started
	c, err := watch.New(watch.Options{Address: s.Address, Key: s.Key, Query: subject.Query, Again: comeBack, Opening: 64})
	if err != nil {
		return errors.Join(err, end())
	}
	defer c.Close()
	for _, p := range s.Projects {
		c.Join(p, b.many/stormProjects)
	}
	p, err := s.Publish(1, usualText, 100*time.Millisecond)
	if err == nil {
		err = c.Open(time.Minute)
	}
	if err == nil {
		err = c.Drive(b.window, nil)
	}
	if err != nil {
		return errors.Join(err, end())
	}
	_ = p // it dies with the server
	c.Failed, c.Refused = 0, 0
	c.Unlimited()
	if err := load.begin(); err != nil {
		return errors.Join(err, end())
	}
	s.Kill()
	killed := time.Now()
	o.Address, o.Backlog = s.Address, stormBacklog
	next := make(chan *subject.Subject, 1)
	failed := make(chan error, 1)
	b.started = data - 1 // on the same folder
	go func() {
		again, endAgain, err := b.start("zeblit", o)
		end = endAgain
		failed <- err
		next <- again
	}()
	for ready := false; !ready; {
		if err := c.Drive(20*time.Millisecond, nil); err != nil {
			return err
		}
		select {
		case err := <-failed:
			if err != nil {
				return err
			}
			ready = true
		default:
		}
	}
	again := <-next
	defer func() { err = errors.Join(err, end()) }()
	back := time.Now()
	p, err = again.Publish(1, usualText, 500*time.Millisecond) // and life goes on
	if err != nil {
		return err
	}
	heads := map[string]int64{}
	for _, p := range again.Projects {
		heads[p.ID] = p.Head
	}
	late := c.Drive(90*time.Second, func() bool {
		for _, w := range c.Watchers() {
			if w.Last < heads[w.Project] || !w.Subscribed() {
				return false
			}
		}
		return true
	})
	took := time.Since(back)
	used, err := again.CPU()
	if err != nil {
		return err
	}
	did, err := load.end()
	if err != nil {
		return err
	}
	if _, _, err := p.End(); err != nil {
		return err
	}
	fmt.Fprintf(&b.text, `
### A server dies, and all come back

A server with %d watchers of %d projects is killed by SIGKILL and started again on the same PostgreSQL and port; %d events
come into each project's log meanwhile, and two a second after. Each client comes back %s after its last
attempt, with `+"`after`"+` its last cursor.

| | |
|---|---|
| from the kill until the next server listened | %.1f s |
| from then until all were subscribed and had what they missed | %.2f s |
| the server's CPU from its start to then | %.1f s |
| attempts that found no server; that failed with one | %d; %d |
| lost, doubled, out of order; resets | %d, %d; %d |
`, b.many, stormProjects, stormBacklog, "0.25 to 0.75 s", back.Sub(killed).Seconds(), took.Seconds(), used.Seconds(), c.Refused, c.Failed, c.Gaps, c.Doubles, c.Resets)
	b.text.WriteString(did)
	if late != nil {
		b.hold("zeblit", "storm", fmt.Errorf("not all have caught up: %w", late))
	}
	b.hold("zeblit", "storm", c.Problem())
	return nil
}

// databaseLoad reads what PostgreSQL counts.
type databaseLoad struct {
	db         *sql.DB
	statements bool // pg_stat_statements is there
	before     [3]int64
}

func watchDatabase(p *pgtest.Private) (*databaseLoad, error) {
	db, err := sql.Open("postgres", p.URL())
	if err != nil {
		return nil, err
	}
	l := &databaseLoad{db: db}
	var available int
	if err := db.QueryRow("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'").Scan(&available); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if available == 0 {
		return l, nil
	}
	if _, err := db.Exec("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := errors.Join(p.Stop(), p.Start(), ping(db)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	l.statements = true
	_, err = db.Exec("CREATE EXTENSION pg_stat_statements")
	return l, err
}

// ping lets the pool notice that its connections have gone.
func ping(db *sql.DB) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (l *databaseLoad) counts() (n [3]int64, err error) {
	err = l.db.QueryRow(`SELECT xact_commit + xact_rollback, tup_returned, blks_read + blks_hit FROM pg_stat_database WHERE datname = current_database()`).
		Scan(&n[0], &n[1], &n[2])
	return n, err
}

func (l *databaseLoad) begin() (err error) {
	if l.statements {
		if _, err := l.db.Exec("SELECT pg_stat_statements_reset()"); err != nil {
			return err
		}
	}
	l.before, err = l.counts()
	return err
}

// end says what there was since begin.
func (l *databaseLoad) end() (string, error) {
	if _, err := l.db.Exec("SELECT pg_stat_force_next_flush()"); err != nil {
		return "", err
	}
	time.Sleep(1200 * time.Millisecond) // backends tell what they did once a second
	n, err := l.counts()
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("| PostgreSQL: transactions, rows read, blocks | %d, %d, %d |\n", n[0]-l.before[0], n[1]-l.before[1], n[2]-l.before[2])
	if !l.statements {
		return text, nil
	}
	rows, err := l.db.Query(`SELECT calls, round(total_exec_time::numeric), regexp_replace(left(query, 90), '\s+', ' ', 'g')
		FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%' ORDER BY calls DESC LIMIT 8`)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	text += "\n| calls | in all | statement |\n|---|---|---|\n"
	for rows.Next() {
		var calls, millis int64
		var query string
		if err := rows.Scan(&calls, &millis, &query); err != nil {
			return "", err
		}
		text += fmt.Sprintf("| %d | %d ms | `%s` |\n", calls, millis, query)
	}
	return text, rows.Err()
}
