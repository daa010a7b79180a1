package node

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/zeblit/zeblit/bench/internal/process"
	"github.com/zeblit/zeblit/internal/store/pgtest"
)

// Redis is a server of the benchmark's own, which keeps nothing.
type Redis struct {
	URL    string
	socket string
	*process.Process
}

// StartRedis begins one with its socket in dir.
func StartRedis(dir string) (*Redis, error) {
	r := &Redis{socket: filepath.Join(dir, "redis.sock")}
	r.URL = "unix://" + r.socket
	return r, r.Start()
}

// Start brings a stopped one back, empty, at the same address.
func (r *Redis) Start() (err error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return errors.New("this needs the program redis-server (Debian: apt-get install redis-server)")
	}
	r.Process, err = process.Start("eady to accept connections", os.Environ(), "redis-server",
		"--port", "0", "--unixsocket", r.socket, "--save", "", "--dir", filepath.Dir(r.socket))
	return err
}

// Services are what the nodes of an installation share.
type Services struct {
	Database string // its URL
	DB       *sql.DB
	Redis    string
	redis    *Redis // nil with one that was given
	drop     func() error
}

// StartServices takes the servers that TEST_DATABASE_URL and TEST_REDIS_URL name, or
// begins private ones.
func StartServices(dir string) (s *Services, err error) {
	s = &Services{Redis: os.Getenv("TEST_REDIS_URL")}
	if s.Redis == "" {
		if s.redis, err = StartRedis(dir); err != nil {
			return nil, err
		}
		s.Redis = s.redis.URL
	}
	if s.Database, s.drop, err = pgtest.Create(""); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if s.DB, err = sql.Open("postgres", s.Database); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends what was begun.
func (s *Services) Stop() error {
	if s.redis != nil {
		s.redis.Kill()
	}
	var errs []error
	if s.DB != nil {
		errs = append(errs, s.DB.Close())
	}
	if s.drop != nil {
		errs = append(errs, s.drop())
	}
	return errors.Join(errs...)
}

// Environment is that of the nodes.
func (s *Services) Environment(more ...string) []string {
	return Environment(append([]string{"DATABASE_URL=" + s.Database, "REDIS_URL=" + s.Redis}, more...)...)
}

// PostgresCPU is what PostgreSQL has used for this database, as far as its processes
// live: those that serve connections, and those that write for all.
func (s *Services) PostgresCPU() (total time.Duration, err error) {
	rows, err := s.DB.Query("SELECT pid FROM pg_stat_activity WHERE datname IS NULL OR datname = current_database()")
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			return 0, err
		}
		if used, err := process.CPU(pid); err == nil { // else it has ended, or is elsewhere
			total += used
		}
	}
	return total, rows.Err()
}

// RedisCPU is what Redis has used; 0 for one that was given.
func (s *Services) RedisCPU() (time.Duration, error) {
	if s.redis == nil {
		return 0, nil
	}
	return s.redis.CPU()
}

// Durable says how PostgreSQL keeps what is committed, and what that costs on this
// disk where it is told to wait for it.
func (s *Services) Durable(dir string) (string, error) {
	var fsync, commit string
	if err := s.DB.QueryRow("SELECT current_setting('fsync'), current_setting('synchronous_commit')").Scan(&fsync, &commit); err != nil {
		return "", err
	}
	file, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	const syncs = 50
	begun := time.Now()
	for range syncs {
		if _, err := file.Write(make([]byte, 8<<10)); err != nil {
			return "", err
		}
		if err := file.Sync(); err != nil {
			return "", err
		}
	}
	each := time.Since(begun) / syncs
	return fmt.Sprintf("PostgreSQL: fsync = %s, synchronous_commit = %s; writing 8 KiB through to this disk takes %.1f ms", fsync, commit, each.Seconds()*1e3), file.Close()
}
