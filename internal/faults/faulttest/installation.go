package faulttest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/zeblit/zeblit/internal/redistest"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

// Options of Install.
type Options struct {
	Dir    string // kept by the caller
	Binary string // from Build
	Seed   int64
	SQLite bool // one server that also works, instead of two and three workers
	// Clients is from BuildClients; "": no clients but our own.
	Clients string
	// Data is where the server on SQLite keeps its data; empty: in Dir.
	Data string
	// Workers is how many there are, 3 by default; Slots is how many steps each makes at
	// once, the program's default where it is 0.
	Workers, Slots int
	// Pace is the model's pause before each delta.
	Pace time.Duration
	Logf func(format string, args ...any)
}

// Installation is all the processes.
type Installation struct {
	o       Options
	Servers []*Slot
	Workers []*Slot // none with SQLite, where the server works
	Model   *Model
	Counter *Counter

	db         *sql.DB // not by the proxy; answers while the database runs
	postgres   *pgtest.Private
	Redis      *redistest.Server
	toPostgres *Proxy
	toRedis    *Proxy
	Key        string // the owner's
}

// Install starts everything; t ends it.
func Install(t redistest.TB, o Options) (*Installation, error) {
	if o.Workers == 0 {
		o.Workers = 3
	}
	in := &Installation{o: o, Model: NewModel(o.Pace)}
	t.Cleanup(func() {
		if err := in.close(); err != nil {
			t.Errorf("end the installation: %v", err)
		}
	})
	var err error
	if in.Counter, err = NewCounter(o.Dir); err != nil {
		return nil, err
	}
	environment := append(os.Environ(), "ZEBLIT_LIMITS=off", "ZEBLIT_SECRET=sixteen characters", "ZEBLIT_LOG_FORMAT=json",
		"ANTHROPIC_API_KEY=key", "ANTHROPIC_BASE_URL="+in.Model.AnthropicURL(), "ANTHROPIC_MODEL=scripted", "ZEBLIT_MODELS="+spendPrices,
		"OPENAI_API_KEY=", "OPENAI_BASE_URL=", "REDIS_URL=", "ZEBLIT_FAULT_COUNTER="+in.Counter.URL())
	if o.Slots > 0 {
		environment = append(environment, fmt.Sprintf("ZEBLIT_RUN_SLOTS=%d", o.Slots))
	}
	if o.SQLite {
		if err := in.addServer("server-1", func(*Slot, int) []string { return append(environment, "DATABASE_URL=") }); err != nil {
			return nil, err
		}
	} else if err := in.shared(t, environment); err != nil {
		return nil, err
	}
	for _, s := range in.all() {
		if err := s.Start(""); err != nil {
			return nil, err
		}
		if s == in.Servers[0] {
			if err := in.opened(); err != nil {
				return nil, err
			}
		}
	}
	return in, nil
}

// shared starts the services of several nodes and says where the nodes are.
func (in *Installation) shared(t redistest.TB, environment []string) (err error) {
	if in.postgres, err = pgtest.StartPrivate(); err != nil {
		return err
	}
	if in.toPostgres, err = NewProxy("tcp", in.postgres.Address()); err != nil {
		return err
	}
	in.Redis = redistest.Private(t)
	if in.toRedis, err = NewProxy("unix", strings.TrimPrefix(in.Redis.URL(), "unix://")); err != nil {
		return err
	}
	of := func(s *Slot, life int) []string {
		u := url.URL{Scheme: "postgres", User: url.User("zeblit"), Host: in.toPostgres.Address(), Path: "/postgres"}
		u.RawQuery = url.Values{"sslmode": {"disable"}, "application_name": {s.app(life)}}.Encode()
		return append(append([]string(nil), environment...), "DATABASE_URL="+u.String(), "REDIS_URL=redis://"+in.toRedis.Address())
	}
	for i := range 2 {
		if err := in.addServer(fmt.Sprintf("server-%d", i+1), of, "--no-worker"); err != nil {
			return err
		}
	}
	for i := range in.o.Workers {
		name := fmt.Sprintf("worker-%d", i+1)
		s := &Slot{name: name, dir: filepath.Join(in.o.Dir, name), args: []string{"worker"}, binary: in.o.Binary, environment: of}
		s.data = s.dir
		in.Workers = append(in.Workers, s)
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// addServer gives a server an address that its next processes will have too.
func (in *Installation) addServer(name string, environment func(*Slot, int) []string, args ...string) error {
	// At 127.0.0.1 others could get its port while it is down.
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+mrand.IntN(254), mrand.IntN(256), 1+mrand.IntN(254)))
	if err != nil {
		return err
	}
	address := l.Addr().String()
	s := &Slot{name: name, port: l, url: "http://" + address, dir: filepath.Join(in.o.Dir, name), binary: in.o.Binary,
		args: append([]string{"serve", "--addr", address}, args...), environment: environment}
	s.data = s.dir
	if in.o.Data != "" {
		s.data = in.o.Data
	}
	in.Servers = append(in.Servers, s)
	return os.MkdirAll(s.dir, 0o700)
}

// opened is called when the first server is up: the tables are there, and the owner.
func (in *Installation) opened() error {
	raw, err := os.ReadFile(filepath.Join(in.Servers[0].data, "owner.json"))
	if err != nil {
		return err
	}
	var owner struct{ APIKey string }
	if err := json.Unmarshal(raw, &owner); err != nil {
		return err
	}
	in.Key = owner.APIKey
	if in.o.SQLite {
		in.db, err = sql.Open("sqlite", "file:"+filepath.Join(in.Servers[0].data, "zeblit.db")+"?mode=ro&_pragma=busy_timeout(10000)")
		return err
	}
	if in.db, err = sql.Open("postgres", in.postgres.URL()); err != nil {
		return err
	}
	in.db.SetMaxOpenConns(16)
	in.db.SetMaxIdleConns(16) // connecting anew for each look costs PostgreSQL more than the looks do
	_, err = in.db.Exec(audit + auditCommit)
	return err
}

func (in *Installation) all() []*Slot {
	return append(append([]*Slot(nil), in.Servers...), in.Workers...)
}

// working are the slots whose processes advance runs.
func (in *Installation) working() []*Slot {
	if in.o.SQLite {
		return in.Servers
	}
	return in.Workers
}

// Kills counts processes that died by SIGKILL.
func (in *Installation) Kills() (n int) {
	for _, s := range in.all() {
		n += s.Kills()
	}
	return n
}

// calm has every process run, and nothing in the way.
func (in *Installation) calm(ctx context.Context) error {
	for _, s := range in.all() {
		if s.Running() {
			_ = s.Thaw()
			continue
		}
		if err := s.Start(""); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (in *Installation) close() error {
	var errs []error
	for _, s := range in.all() {
		_ = s.Thaw()
		s.Kill()
		s.letGo()
	}
	in.Model.Close()
	if in.Counter != nil {
		errs = append(errs, in.Counter.Close())
	}
	if in.db != nil {
		errs = append(errs, in.db.Close())
	}
	for _, p := range []*Proxy{in.toPostgres, in.toRedis} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if in.postgres != nil {
		errs = append(errs, in.postgres.Remove())
	}
	return errors.Join(errs...)
}

func (in *Installation) logf(format string, args ...any) { in.o.Logf(format, args...) }
